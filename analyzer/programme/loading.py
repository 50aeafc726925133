"""Reading programmes' files: schema first, then every reference into the file itself and into the knowledge base."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from analyzer.errors import InputError, Problem
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.build import optional_date
from analyzer.knowledge.located import Fault, locate
from analyzer.knowledge.schemas import read_document
from analyzer.knowledge.yamlreader import PathKey, read_bytes
from analyzer.model.controls import Place, Text
from analyzer.programme.mail_texts import template_faults
from analyzer.programme.model import (
    MAIL_EVENTS,
    NO,
    YES,
    AnswerRule,
    Article,
    Condition,
    FactRule,
    Faq,
    Field,
    FileRules,
    Form,
    Informs,
    MailText,
    Option,
    OptionalStep,
    Period,
    Programme,
    Question,
    Reminders,
    Secretariat,
    ServiceRule,
    Stage,
    Step,
    Terms,
    WantedDocument,
)
from analyzer.store.limits import limits

Data = dict[str, Any]

_YES_NO = (Option(YES, "はい", alone=True), Option(NO, "いいえ", alone=True))
_CHOOSING = {"yes_no", "choice", "choices"}
# What only some kinds of steps can have; the rest have none of it.
_PARTS: dict[str, frozenset[str]] = {
    "registration": frozenset(),
    "consent": frozenset(),
    "support": frozenset({"optional", "forms", "documents", "stages", "schedule", "report"}),
    "hearing": frozenset({"optional", "forms", "documents", "stages", "schedule"}),
    "questionnaire": frozenset({"optional", "forms"}),
}
_NEEDED: dict[str, str] = {"support": "stages", "hearing": "stages", "questionnaire": "forms"}
_ONCE = ("registration", "consent")


def load_programmes(folder: Path, knowledge: KnowledgeBase) -> dict[str, Programme]:
    """The programmes of a folder by id, in order of id; none where there is no such folder.

    Raises InputError that names every fault of every file.
    """
    found: dict[str, Programme] = {}
    problems: list[Problem] = []
    for path in sorted(path for ending in ("*.yaml", "*.yml") for path in folder.glob(ending)):
        try:
            programme = read_programme(read_bytes(path), str(path), knowledge)
        except InputError as error:
            problems += error.problems
            continue
        if programme.id != path.stem:
            problems.append(
                Problem(str(path), None, "id", f"programme {programme.id} lies in a file named {path.name}")
            )
        elif programme.id in found:
            problems.append(Problem(str(path), None, "id", f"programme {programme.id} is in another file already"))
        found[programme.id] = programme
    if problems:
        raise InputError(problems)
    return dict(sorted(found.items()))


def read_programme(content: bytes, name: str, knowledge: KnowledgeBase) -> Programme:
    """The programme of a file's bytes. Raises InputError that names every fault with its line."""
    data = read_document(content, name, "programme")
    faults = (Fault(Place(name, path), message) for path, message in _Checking(data, knowledge).faults())
    problems = locate(faults, {name: content})
    if problems:
        raise InputError(problems)
    return _programme(data)


Found = tuple[PathKey, str]


class _Checking:
    """One look over a file that obeys its schema."""

    def __init__(self, data: Data, knowledge: KnowledgeBase) -> None:
        self._data = data
        self._knowledge = knowledge
        self._forms: dict[str, Data] = {form["id"]: form for form in data["forms"]}
        self._step_of_form: dict[str, Data] = {}
        self._suggested: dict[tuple[str, ...], str] = {}

    def faults(self) -> Iterator[Found]:
        """Every fault, in no order."""
        yield from self._period()
        yield from self._files()
        registration = self._data["registration"]
        yield from _twice((("registration", index, "id"), field["id"]) for index, field in enumerate(registration))
        yield from _twice(
            (("registration", index, "heading"), field["heading"]) for index, field in enumerate(registration)
        )
        yield from self._steps()
        yield from self._all_forms()
        yield from _twice((("faq", index, "id"), entry["id"]) for index, entry in enumerate(self._data["faq"]))
        for event, mail in self._data["mails"].items():
            for part in ("subject", "body"):
                for message in template_faults(mail[part]):
                    yield ("mails", event, part), message
            if len(mail["subject"].splitlines()) > 1:
                yield ("mails", event, "subject"), "a subject is one line"

    def _period(self) -> Iterator[Found]:
        period, effective = self._data["period"], self._data["terms"]["effective_from"]
        if period["until"] < period["from"]:
            yield ("period", "until"), f"ends {period['until']}, before it begins {period['from']}"
        elif effective > period["until"]:
            yield ("terms", "effective_from"), f"{effective} is after the programme's end, {period['until']}"

    def _files(self) -> Iterator[Found]:
        files, store = self._data["files"], limits().files
        for key, widest in (("max_bytes", store.max_bytes), ("per_place", store.max_per_evidence)):
            if files[key] > widest:
                yield ("files", key), f"{files[key]:,} is more than the store takes in: {widest:,}"

    def _steps(self) -> Iterator[Found]:
        steps = self._data["steps"]
        yield from _twice((("steps", index, "id"), step["id"]) for index, step in enumerate(steps))
        yield from _twice(
            (("steps", index, "documents", number, "id"), document["id"])
            for index, step in enumerate(steps)
            for number, document in enumerate(step.get("documents", ()))
        )
        for kind in _ONCE:
            places = [index for index, step in enumerate(steps) if step["kind"] == kind]
            for index in places[1:]:
                yield ("steps", index, "kind"), f"only one step can be of the kind {kind}"
        for index, step in enumerate(steps):
            yield from self._step(step, ("steps", index))
        for index, form in enumerate(self._data["forms"]):
            if form["id"] not in self._step_of_form:
                yield ("forms", index, "id"), f"no step asks for the form {form['id']!r}"

    def _step(self, step: Data, path: PathKey) -> Iterator[Found]:
        kind, due, period = step["kind"], step.get("due"), self._data["period"]
        if due is not None and not period["from"] <= due <= period["until"]:
            yield (*path, "due"), f"{due} is outside the programme's period, {period['from']} to {period['until']}"
        for part in ("optional", "forms", "documents", "stages", "schedule", "report"):
            if step.get(part) and part not in _PARTS[kind]:
                yield (*path, part), f"a step of the kind {kind} has no {part!r}"
        needed = _NEEDED.get(kind)
        if needed and not step.get(needed):
            yield path, f"a step of the kind {kind} needs {needed!r}"
        yield from _twice(
            ((*path, "stages", number, "id"), stage["id"]) for number, stage in enumerate(step.get("stages", ()))
        )
        for number, form in enumerate(step.get("forms", ())):
            place = (*path, "forms", number)
            if form not in self._forms:
                yield place, _unknown("form", form, self._forms)
            elif form in self._step_of_form:
                yield place, f"form {form!r} belongs to the step {self._step_of_form[form]['id']!r} already"
            else:
                self._step_of_form[form] = step

    def _all_forms(self) -> Iterator[Found]:
        forms = self._data["forms"]
        yield from _twice((("forms", index, "id"), form["id"]) for index, form in enumerate(forms))
        for index, form in enumerate(forms):
            questions = form["questions"]
            yield from _twice(
                (("forms", index, "questions", number, "id"), question["id"])
                for number, question in enumerate(questions)
            )
            for number, question in enumerate(questions):
                path = ("forms", index, "questions", number)
                yield from _option_faults(question, path)
                yield from _condition_faults(question, questions[:number], path)
                yield from self._informs(form, question, path)

    def _informs(self, form: Data, question: Data, path: PathKey) -> Iterator[Found]:
        informs = question.get("informs", {})
        sections = {f"{section.guideline}:{section.id}" for section in self._knowledge.sections}
        for number, topic in enumerate(informs.get("topics", ())):
            if topic not in sections:
                yield (*path, "informs", "topics", number), _unknown("section", topic, sections)
        for part in ("facts", "answers", "services"):
            if informs.get(part) and question["type"] not in _CHOOSING:
                yield (*path, "informs", part), f"an answer of the type {question['type']} cannot decide any"
                return
        for number, rule in enumerate(informs.get("facts", ())):
            yield from self._fact_rule(question, rule, (*path, "informs", "facts", number))
        for number, rule in enumerate(informs.get("answers", ())):
            yield from self._answer_rule(form, question, rule, (*path, "informs", "answers", number))
        for number, rule in enumerate(informs.get("services", ())):
            yield from self._service_rule(question, rule, (*path, "informs", "services", number))

    def _fact_rule(self, question: Data, rule: Data, path: PathKey) -> Iterator[Found]:
        yield from _value_faults(question, rule["values"], (*path, "values"))
        yield from self._already((rule["fact"],), question, (*path, "fact"))
        fact = self._knowledge.facts.get(rule["fact"])
        if fact is None:
            yield (*path, "fact"), _unknown("fact", rule["fact"], self._knowledge.facts)
            return
        for option, value in rule["values"].items():
            known = value in fact.values if fact.values else isinstance(value, bool)
            if not known:
                words = ", ".join(fact.values) if fact.values else "true, false"
                yield (*path, "values", option), f"{value!r} is not one of {words}"

    def _answer_rule(self, form: Data, question: Data, rule: Data, path: PathKey) -> Iterator[Found]:
        yield from _value_faults(question, rule["statuses"], (*path, "statuses"))
        yield from self._already((rule["control"], rule["party"]), question, (*path, "control"))
        control = self._knowledge.controls.get(rule["control"])
        if control is None:
            yield (*path, "control"), _unknown("control", rule["control"], self._knowledge.controls)
        elif not any(rule["party"] in response.duty_parties for response in control.responses.values()):
            yield (
                (*path, "party"),
                f"{control.key} leaves no duty to {rule['party']}, so the answer would decide nothing",
            )
        document = rule.get("document")
        step = self._step_of_form.get(form["id"])
        if document is not None and step is not None:
            wanted = [each["id"] for each in step.get("documents", ())]
            if document not in wanted:
                yield (*path, "document"), _unknown(f"document of the step {step['id']!r}", document, wanted)

    def _service_rule(self, question: Data, rule: Data, path: PathKey) -> Iterator[Found]:
        yield from _value_faults(question, rule["values"], (*path, "values"))
        yield from self._already(("service", rule["vendor"]), question, (*path, "vendor"))
        if rule["vendor"] not in self._knowledge.vendors:
            yield (*path, "vendor"), _unknown("vendor", rule["vendor"], self._knowledge.vendors)

    def _already(self, key: tuple[str, ...], question: Data, path: PathKey) -> Iterator[Found]:
        """One question decides one fact or duty, so that no two answers can say different things of it."""
        if key in self._suggested:
            yield path, f"{' of '.join(key)} is informed by the question {self._suggested[key]!r} already"
        self._suggested.setdefault(key, question["id"])


def _option_faults(question: Data, path: PathKey) -> Iterator[Found]:
    kind, options = question["type"], question.get("options", ())
    if options and kind not in {"choice", "choices"}:
        yield (*path, "options"), f"a question of the type {kind} has no options of its own"
    if "unit" in question and kind != "number":
        yield (*path, "unit"), f"a question of the type {kind} has no unit"
    for key in ("value", "label"):
        yield from _twice(((*path, "options", index, key), option[key]) for index, option in enumerate(options))
    for index, option in enumerate(options):
        if option.get("alone") and kind != "choices":
            yield (*path, "options", index, "alone"), "only one of several to choose can exclude the others"


def _condition_faults(question: Data, earlier: list[Data], path: PathKey) -> Iterator[Found]:
    condition = question.get("shown_if")
    if condition is None:
        return
    place = (*path, "shown_if")
    asked = {each["id"]: each for each in earlier}.get(condition["question"])
    if asked is None:
        message = _unknown("earlier question of the form", condition["question"], [each["id"] for each in earlier])
        yield (*place, "question"), message
    elif asked["type"] not in _CHOOSING:
        yield (*place, "question"), f"{asked['id']!r} is of the type {asked['type']}, which offers nothing to choose"
    else:
        offered = _offered(asked)
        for index, value in enumerate(condition["is"]):
            if value not in offered:
                yield (*place, "is", index), _unknown(f"answer of {asked['id']!r}", value, offered)


def _value_faults(question: Data, values: Data, path: PathKey) -> Iterator[Found]:
    offered = _offered(question)
    for value in values:
        if value not in offered:
            yield (*path, value), _unknown("answer of this question", value, offered)


def _offered(question: Data) -> list[str]:
    if question["type"] == "yes_no":
        return [YES, NO]
    return [option["value"] for option in question.get("options", ())]


def _twice(items: Iterable[Found]) -> Iterator[Found]:
    """Every value that was given before."""
    seen: Counter[str] = Counter()
    for path, value in items:
        seen[value] += 1
        if seen[value] > 1:
            yield path, f"{value!r} is given twice"


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _programme(data: Data) -> Programme:
    period, terms, secretariat = data["period"], data["terms"], data["secretariat"]
    reminders = data["reminders"]
    return Programme(
        id=data["id"],
        title=Text(data["title"]["ja"], data["title"]["en"]),
        fictional=data["fictional"],
        period=Period(date.fromisoformat(period["from"]), date.fromisoformat(period["until"])),
        secretariat=Secretariat(
            name=secretariat["name"],
            email=secretariat["email"],
            phone=secretariat["phone"],
            hours=secretariat["hours"],
            closed=secretariat["closed"],
            note=secretariat.get("note"),
        ),
        persons_per_institution=data["persons_per_institution"],
        files=FileRules(data["files"]["max_bytes"], data["files"]["per_place"]),
        reminders=Reminders(tuple(sorted(reminders["days_before"], reverse=True)), reminders["overdue_every_days"]),
        terms=Terms(
            version=terms["version"],
            title=terms["title"],
            effective_from=date.fromisoformat(terms["effective_from"]),
            articles=tuple(Article(item["heading"], item["text"]) for item in terms["articles"]),
        ),
        registration=tuple(
            Field(item["id"], item["label"], item["type"], item["required"], item["heading"])
            for item in data["registration"]
        ),
        steps=tuple(_step(item) for item in data["steps"]),
        forms=tuple(
            Form(item["id"], item["title"], item.get("guidance"), tuple(_question(each) for each in item["questions"]))
            for item in data["forms"]
        ),
        faq=tuple(
            Faq(item["id"], item["category"], item["question"], item["answer"], tuple(item.get("keywords", ())))
            for item in data["faq"]
        ),
        mails={event: MailText(data["mails"][event]["subject"], data["mails"][event]["body"]) for event in MAIL_EVENTS},
    )


def _step(item: Data) -> Step:
    optional = item.get("optional")
    return Step(
        id=item["id"],
        kind=item["kind"],
        title=item["title"],
        guidance=item["guidance"],
        due=optional_date(item.get("due")),
        optional=None if optional is None else OptionalStep(optional["question"]),
        forms=tuple(item.get("forms", ())),
        documents=tuple(
            WantedDocument(each["id"], each["title"], each["guidance"], each["required"], each.get("example"))
            for each in item.get("documents", ())
        ),
        stages=tuple(Stage(each["id"], each["title"]) for each in item.get("stages", ())),
        schedule=item.get("schedule", False),
        report=item.get("report", False),
    )


def _question(item: Data) -> Question:
    condition, informs = item.get("shown_if"), item.get("informs", {})
    options = tuple(
        Option(each["value"], each["label"], alone=each.get("alone", False)) for each in item.get("options", ())
    )
    return Question(
        id=item["id"],
        text=item["text"],
        help=item.get("help"),
        type=item["type"],
        options=_YES_NO if item["type"] == "yes_no" else options,
        unit=item.get("unit"),
        required=item["required"],
        shown_if=None if condition is None else Condition(condition["question"], tuple(condition["is"])),
        informs=Informs(
            facts=tuple(FactRule(each["fact"], dict(each["values"])) for each in informs.get("facts", ())),
            answers=tuple(
                AnswerRule(each["control"], each["party"], dict(each["statuses"]), each.get("document"))
                for each in informs.get("answers", ())
            ),
            services=tuple(ServiceRule(each["vendor"], tuple(each["values"])) for each in informs.get("services", ())),
            topics=tuple(informs.get("topics", ())),
        ),
    )
