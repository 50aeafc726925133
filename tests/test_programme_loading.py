"""Programmes' files: the shipped one loads, and whatever is wrong with one is named with its line and place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from analyzer.cli.main import main
from analyzer.errors import InputError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.loading import load_programmes, read_programme
from analyzer.programme.mail_texts import MailValues, fill_in
from analyzer.programme.model import MAIL_EVENTS, Article, MailText, Programme
from analyzer.resources import programmes_dir

MAILS = "".join(f'  {event}: {{subject: 件名, body: "{{{{ link }}}}"}}\n' for event in MAIL_EVENTS)
GOOD = f"""\
id: small-2026
title: {{ja: 小さな支援事業, en: Small}}
fictional: true
period: {{from: 2026-04-01, until: 2027-03-31}}
secretariat: {{name: 事務局, email: office@shien.example.jp, phone: 03-0000-0000, hours: 平日, closed: 祝日}}
persons_per_institution: 1
files: {{max_bytes: 26214400, per_place: 10}}
reminders: {{days_before: [1, 14, 7], overdue_every_days: 7}}
terms: {{version: "1.0", title: 規約, effective_from: 2026-04-01, articles: [{{heading: 第1条, text: 本文}}]}}
registration:
  - {{id: contact, label: 担当者, type: text, required: true, heading: 担当者}}
steps:
  - {{id: basic, kind: registration, title: 確認, guidance: 案内, due: 2026-05-29}}
  - {{id: consent, kind: consent, title: 同意, guidance: 案内}}
  - id: lines
    kind: support
    title: 調査
    guidance: 案内
    due: 2026-09-30
    forms: [network]
    documents:
      - {{id: diagram, title: 構成図, guidance: 案内, required: true}}
    stages: [{{id: preparing, title: 準備中}}, {{id: finished, title: 完了}}]
  - id: closing
    kind: questionnaire
    title: アンケート
    guidance: 案内
    forms: [closing]
forms:
  - id: network
    title: 調査票
    questions:
      - id: remote
        text: リモート保守がありますか。
        type: yes_no
        required: true
        informs:
          facts: [{{fact: has_remote_maintenance, values: {{yes: true, no: false}}}}]
          topics: ["mhlw-5:6.8"]
      - id: logs
        text: 記録を確かめていますか。
        type: choice
        options: [{{value: all, label: 毎回}}, {{value: some, label: 一部}}]
        required: true
        shown_if: {{question: remote, is: [yes]}}
        informs:
          answers:
            - control: "mhlw-5:6.8-08"
              party: user
              statuses: {{all: implemented, some: partial}}
              document: diagram
      - {{id: count, text: 何本ですか。, type: number, unit: 本, required: true}}
      - id: measures
        text: 対策を選んでください。
        type: choices
        options: [{{value: first, label: 一つ目}}, {{value: nothing, label: ない, alone: true}}]
        required: true
        informs:
          answers:
            - {{control: "mhlw-5:6.11-07", party: user, statuses: {{first: partial, nothing: not_implemented}}}}
  - id: closing
    title: アンケート
    questions:
      - {{id: comments, text: ご意見, type: long_text, required: false}}
faq:
  - {{id: password, category: ログイン, question: 忘れました。, answer: 再設定してください。, keywords: [再設定]}}
mails:
{MAILS}"""


def changed(old: str, new: str) -> bytes:
    assert GOOD.count(old) >= 1, old
    return GOOD.replace(old, new, 1).encode()


def line_of(content: bytes, text: str) -> int:
    """The line on which a text first stands."""
    return content.decode("utf-8").split(text, maxsplit=1)[0].count("\n") + 1


def mail(template: str) -> bytes:
    assert '"' not in template
    return changed(
        'offer_made: {subject: 件名, body: "{{ link }}"}', f'offer_made: {{subject: 件名, body: "{template}"}}'
    )


# What is changed, the line's text on which the fault is to be named, its path, and the reason.
FAULTS: dict[str, tuple[bytes, str, str, str]] = {
    "no steps": (changed("kind: registration", "kind: registry"), "kind: registry", "steps[0].kind", "is not one of"),
    "unknown key": (
        changed("    title: 調査票", "    titel: 調査票"),
        "titel",
        "forms[0].titel",
        "did you mean 'title'?",
    ),
    "mail missing": (
        changed('  overdue: {subject: 件名, body: "{{ link }}"}\n', ""),
        "  welcome:",
        "mails",
        "'overdue' is missing",
    ),
    "mail of no event": (
        changed("  overdue: {subject", "  overdo: {subject"),
        "overdo",
        "mails.overdo",
        "did you mean 'overdue'?",
    ),
    "id with a path in it": (changed("id: small-2026", "id: ../small"), "id: ../small", "id", "is not of the form"),
    "id that is too long": (changed("id: small-2026", f"id: {'a' * 41}"), "id: aaa", "id", "is not of the form"),
    "not an address": (
        changed("office@shien.example.jp", "office"),
        "email: office",
        "secretariat.email",
        "is not of the form",
    ),
    "line break in the address": (
        changed("email: office@shien.example.jp", 'email: "office@shien.example.jp\\nBcc: x@example.jp"'),
        "email:",
        "secretariat.email",
        "is not of the form",
    ),
    "a day that does not exist": (
        changed("due: 2026-09-30", "due: 2026-09-31"),
        "due: 2026-09-31",
        "steps[2].due",
        "that exists",
    ),
    "period backwards": (
        changed("until: 2027-03-31", "until: 2026-03-31"),
        "until: 2026-03-31",
        "period.until",
        "before it begins",
    ),
    "due after the period": (
        changed("due: 2026-09-30", "due: 2027-04-01"),
        "due: 2027-04-01",
        "steps[2].due",
        "outside the programme's period",
    ),
    "due before the period": (
        changed("due: 2026-05-29", "due: 2026-03-31"),
        "due: 2026-03-31",
        "steps[0].due",
        "outside the programme's period",
    ),
    "terms after the period": (
        changed("effective_from: 2026-04-01", "effective_from: 2027-04-01"),
        "effective_from",
        "terms.effective_from",
        "after the programme's end",
    ),
    "files wider than the store's": (
        changed("max_bytes: 26214400", "max_bytes: 26214401"),
        "max_bytes",
        "files.max_bytes",
        "more than the store",
    ),
    "more files than the store's": (
        changed("per_place: 10", "per_place: 21"),
        "per_place",
        "files.per_place",
        "more than the store",
    ),
    "the same reminder twice": (
        changed("[1, 14, 7]", "[7, 14, 7]"),
        "days_before",
        "reminders.days_before",
        "is given twice",
    ),
    "field twice": (
        changed(
            "heading: 担当者}\n",
            "heading: 担当者}\n  - {id: contact, label: 部署, type: text, required: true, heading: 部署}\n",
        ),
        "label: 部署",
        "registration[1].id",
        "'contact' is given twice",
    ),
    "column twice": (
        changed(
            "heading: 担当者}\n",
            "heading: 担当者}\n  - {id: other, label: 部署, type: text, required: true, heading: 担当者}\n",
        ),
        "label: 部署",
        "registration[1].heading",
        "'担当者' is given twice",
    ),
    "step twice": (changed("id: consent", "id: basic"), "kind: consent", "steps[1].id", "'basic' is given twice"),
    "two consents": (
        changed("kind: registration", "kind: consent"),
        "id: consent, kind",
        "steps[1].kind",
        "only one step",
    ),
    "consent with forms": (
        changed("kind: consent,", "kind: consent, forms: [network],"),
        "kind: consent",
        "steps[1].forms",
        "has no 'forms'",
    ),
    "support without stages": (
        changed("    stages: [{id: preparing, title: 準備中}, {id: finished, title: 完了}]\n", ""),
        "id: lines",
        "steps[2]",
        "needs 'stages'",
    ),
    "stage twice": (changed("id: finished", "id: preparing"), "stages:", "steps[2].stages[1].id", "is given twice"),
    "document twice": (
        changed("    stages: [", "      - {id: diagram, title: 二, guidance: 二, required: true}\n    stages: ["),
        "title: 二",
        "steps[2].documents[1].id",
        "'diagram' is given twice",
    ),
    "form that is not there": (
        changed("forms: [network]", "forms: [netwrk]"),
        "[netwrk]",
        "steps[2].forms[0]",
        "did you mean 'network'?",
    ),
    "form of two steps": (
        changed("forms: [closing]", "forms: [closing, network]"),
        "[closing, network]",
        "steps[3].forms[1]",
        "belongs to the step 'lines' already",
    ),
    "form of no step": (
        changed(
            "faq:", "  - {id: left, title: 余り, questions: [{id: a, text: 問, type: text, required: true}]}\nfaq:"
        ),
        "id: left",
        "forms[2].id",
        "no step asks for the form 'left'",
    ),
    "form twice": (
        changed(
            "  - id: closing\n    title: アンケート\n    questions", "  - id: network\n    title: 二\n    questions"
        ),
        "id: network\n    title: 二",
        "forms[1].id",
        "'network' is given twice",
    ),
    "question twice": (changed("id: count", "id: logs"), "id: logs, text", "forms[0].questions[2].id", "given twice"),
    "question of no type": (
        changed("type: number", "type: amount"),
        "amount",
        "forms[0].questions[2].type",
        "is not one of yes_no, choice",
    ),
    "choice without options": (
        changed("        options: [{value: all, label: 毎回}, {value: some, label: 一部}]\n", ""),
        "id: logs",
        "forms[0].questions[1]",
        "'options' is missing",
    ),
    "yes or no with options": (
        changed("type: yes_no", "type: yes_no\n        options: [{value: yes, label: はい}]"),
        "options: [{value: yes",
        "forms[0].questions[0].options",
        "no options of its own",
    ),
    "option twice": (
        changed("{value: some, label: 一部}", "{value: all, label: 一部}"),
        "label: 毎回",
        "forms[0].questions[1].options[1].value",
        "'all' is given twice",
    ),
    "option that is not text": (
        changed("{value: all, label: 毎回}", "{value: true, label: 毎回}"),
        "value: true",
        "forms[0].questions[1].options[0].value",
        "True is not of type string",
    ),
    "excluding where only one is chosen": (
        changed("label: 一部}", "label: 一部, alone: true}"),
        "alone: true",
        "forms[0].questions[1].options[1].alone",
        "several",
    ),
    "unit of a text": (
        changed("type: number, unit: 本", "type: text, unit: 本"),
        "unit: 本",
        "forms[0].questions[2].unit",
        "has no unit",
    ),
    "shown by a later question": (
        changed("question: remote,", "question: measures,"),
        "question: measures",
        "forms[0].questions[1].shown_if.question",
        "no earlier question of the form 'measures'",
    ),
    "shown by itself": (
        changed("question: remote,", "question: logs,"),
        "question: logs",
        "forms[0].questions[1].shown_if.question",
        "no earlier question",
    ),
    "shown by an answer that is not offered": (
        changed("is: [yes]", "is: [yes, maybe]"),
        "is: [yes, maybe]",
        "forms[0].questions[1].shown_if.is[1]",
        "no answer of 'remote' 'maybe'",
    ),
    "shown by a number": (
        changed("        type: choices", "        type: choices\n        shown_if: {question: count, is: [one]}"),
        "question: count",
        "forms[0].questions[3].shown_if.question",
        "nothing to choose",
    ),
    "unknown fact": (
        changed("fact: has_remote_maintenance", "fact: has_remote_maintainance"),
        "maintainance",
        "forms[0].questions[0].informs.facts[0].fact",
        "did you mean 'has_remote_maintenance'?",
    ),
    "fact of another value": (
        changed("no: false}", "no: 'false'}"),
        "no: 'false'",
        "forms[0].questions[0].informs.facts[0].values.no",
        "'false' is not one of true, false",
    ),
    "fact by an answer that is not offered": (
        changed("no: false}", "never: false}"),
        "never: false",
        "forms[0].questions[0].informs.facts[0].values.never",
        "no answer of this question 'never'",
    ),
    "fact by two questions": (
        changed(
            '          answers:\n            - control: "mhlw-5:6.8-08"',
            "          facts: [{fact: has_remote_maintenance, values: {all: true}}]\n"
            '          answers:\n            - control: "mhlw-5:6.8-08"',
        ),
        "values: {all: true}",
        "forms[0].questions[1].informs.facts[0].fact",
        "is informed by the question 'remote' already",
    ),
    "fact by a number": (
        changed(
            "{id: count, text: 何本ですか。, type: number, unit: 本, required: true}",
            "{id: count, text: 何本ですか。, type: number, required: true,"
            " informs: {facts: [{fact: uses_iot_devices, values: {many: true}}]}}",
        ),
        "id: count",
        "forms[0].questions[2].informs.facts",
        "the type number cannot decide any",
    ),
    "unknown control": (
        changed("mhlw-5:6.8-08", "mhlw-5:6.8-80"),
        "6.8-80",
        "forms[0].questions[1].informs.answers[0].control",
        "no control 'mhlw-5:6.8-80'; did you mean 'mhlw-5:6.8-",
    ),
    "control without guideline": (
        changed("mhlw-5:6.8-08", "6.8-08"),
        '"6.8-08"',
        "forms[0].questions[1].informs.answers[0].control",
        "of the form",
    ),
    "status that is none": (
        changed("all: implemented", "all: done"),
        "all: done",
        "forms[0].questions[1].informs.answers[0].statuses.all",
        "'done' is not one of implemented, partial, planned, not_implemented",
    ),
    "status that needs a reason": (
        changed("some: partial", "some: not_applicable"),
        "not_applicable",
        "forms[0].questions[1].informs.answers[0].statuses.some",
        "'not_applicable' is not one of",
    ),
    "status by an answer that is not offered": (
        changed("some: partial", "none: partial"),
        "none: partial",
        "forms[0].questions[1].informs.answers[0].statuses.none",
        "no answer of this question 'none'",
    ),
    "party without a duty": (
        changed('control: "mhlw-5:6.11-07", party: user', 'control: "mhlw-5:6.11-07", party: integrator'),
        "party: integrator",
        "forms[0].questions[3].informs.answers[0].party",
        "leaves no duty to integrator",
    ),
    "party that is none": (
        changed("party: user", "party: vendor"),
        "party: vendor",
        "forms[0].questions[1].informs.answers[0].party",
        "'vendor' is not one of user, integrator",
    ),
    "duty by two questions": (
        changed('control: "mhlw-5:6.11-07"', 'control: "mhlw-5:6.8-08"'),
        "first: partial",
        "forms[0].questions[3].informs.answers[0].control",
        "is informed by the question 'logs' already",
    ),
    "document that is not wanted": (
        changed("document: diagram", "document: diagramm"),
        "document: diagramm",
        "forms[0].questions[1].informs.answers[0].document",
        "no document of the step 'lines' 'diagramm'; did you mean 'diagram'?",
    ),
    "unknown section": (
        changed('topics: ["mhlw-5:6.8"]', 'topics: ["mhlw-5:6.80"]'),
        "6.80",
        "forms[0].questions[0].informs.topics[0]",
        "no section 'mhlw-5:6.80'",
    ),
    "FAQ twice": (
        changed("mails:\n", "  - {id: password, category: 別, question: 問, answer: 答}\nmails:\n"),
        "category: 別",
        "faq[1].id",
        "'password' is given twice",
    ),
    "template that is none": (mail("{{ link"), "offer_made", "mails.offer_made.body", "is not a template in line 1"),
    "template with an unknown variable": (
        mail("{{ programe }}"),
        "offer_made",
        "mails.offer_made.body",
        "no variable 'programe'; did you mean 'programme'?",
    ),
    "template with an unknown part": (
        mail("{{ secretariat.mail }}"),
        "offer_made",
        "mails.offer_made.body",
        "did you mean 'email'?",
    ),
    "template that shows the whole secretariat": (
        mail("{{ secretariat }}"),
        "offer_made",
        "mails.offer_made.body",
        "say which part of 'secretariat'",
    ),
    "template that loops": (
        mail("{% for a in link %}{% for b in link %}x{% endfor %}{% endfor %}"),
        "offer_made",
        "mails.offer_made.body",
        "holds For",
    ),
    "template that grows": (mail("{{ link * 1000000000 }}"), "offer_made", "mails.offer_made.body", "holds Mul"),
    "template that calls": (mail("{{ link.format(1) }}"), "offer_made", "mails.offer_made.body", "holds Call"),
    "template that filters": (mail("{{ link|pprint }}"), "offer_made", "mails.offer_made.body", "holds Filter"),
    "template that reads a file": (
        mail("{% include '/etc/passwd' %}"),
        "offer_made",
        "mails.offer_made.body",
        "holds Include",
    ),
    "template that looks inside": (
        mail("{{ link.__class__ }}"),
        "offer_made",
        "mails.offer_made.body",
        "nothing but 'secretariat' has parts",
    ),
    "template inside the secretariat": (
        mail("{{ secretariat.__class__ }}"),
        "offer_made",
        "mails.offer_made.body",
        "no part of 'secretariat' '__class__'",
    ),
    "template of many brackets": (
        mail("{{ " + "(" * 4000 + "link" + ")" * 4000 + " }}"),
        "offer_made",
        "mails.offer_made.body",
        "nested too deeply",
    ),
    "template of many ifs": (
        mail("{% if link %}" * 300 + "x" + "{% endif %}" * 300),
        "offer_made",
        "mails.offer_made.body",
        "nested too deeply",
    ),
    "subject of two lines": (
        changed("offer_made: {subject: 件名,", 'offer_made: {subject: "件名\\nBcc: x@example.jp",'),
        "offer_made",
        "mails.offer_made.subject",
        "a subject is one line",
    ),
}

HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not of type object"),
    "a list": (b"- 1\n", "is not of type object"),
    "not UTF-8": ("title: 事業".encode("shift_jis"), "not UTF-8"),
    "binary": (bytes(range(256)) * 4, "not UTF-8"),
    "NUL byte": (GOOD.encode() + b"\x00", "not YAML"),
    "two documents": (GOOD.encode() + b"---\n" + GOOD.encode(), "more than one YAML document"),
    "duplicate key": (GOOD.encode() + b"faq: []\n", "key 'faq' is given twice"),
    "alias bomb": (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "is not allowed here"),
    "python object": (b"a: !!python/object/apply:os.system [id]\n", "is not allowed here"),
    "deep brackets": (b"[" * 50_000, "nested deeper"),
    "title of 64 KiB": (changed("小さな支援事業", "あ" * 65_536), "characters long; at most"),
    "blank title": (changed("小さな支援事業", "'   '"), "must not be blank"),
    "endless number": (
        changed("persons_per_institution: 1", f"persons_per_institution: {'9' * 5000}"),
        "is not of type",
    ),
    "line break in a key": (changed("fictional: true", '"fictional\\nx": true'), "unknown key"),
}


@pytest.fixture(scope="module")
def shipped(knowledge: KnowledgeBase) -> Programme:
    """The programme that ships with Sansho."""
    return load_programmes(programmes_dir(), knowledge)["security-support-2026"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def values_of(programme: Programme) -> MailValues:
    return MailValues(
        "事業", "試験病院", "山田", "調査", programme.secretariat, "https://x.example.jp/a", date(2026, 9, 3), 7
    )


# -- the shipped programme --------------------------------------------------------------------------------------------


def test_the_shipped_programme_has_what_the_manual_names(shipped: Programme) -> None:
    assert [step.kind for step in shipped.steps] == [
        "registration", "consent", "support", "support", "hearing", "questionnaire",
    ]  # fmt: skip
    assert [step.id for step in shipped.steps if step.optional] == ["offline_backup"]
    assert all(step.due for step in shipped.steps)
    assert shipped.fictional and shipped.secretariat.email.endswith(".example.jp")
    assert shipped.persons_per_institution == 1
    assert len(shipped.terms.articles) >= 10 and len(shipped.faq) >= 20
    assert set(shipped.mails) == set(MAIL_EVENTS)


def test_the_shipped_forms_inform_the_sections_they_ask_about(shipped: Programme) -> None:
    answers = [rule for form in shipped.forms for question in form.questions for rule in question.informs.answers]
    sections = {rule.control.split(":")[1].split("-")[0] for rule in answers}
    assert sections >= {"6.5", "6.8", "6.10", "6.11", "7.2", "7.3"}
    assert not [rule for rule in answers if rule.party != "user"], "an institution answers for itself"


def test_several_measures_chosen_never_make_a_duty_implemented(shipped: Programme) -> None:
    for form in shipped.forms:
        for question in form.questions:
            for rule in question.informs.answers if question.type == "choices" else ():
                assert "implemented" not in rule.statuses.values(), question.id


def test_not_knowing_suggests_no_status(shipped: Programme) -> None:
    for form in shipped.forms:
        for question in form.questions:
            for rule in question.informs.answers:
                assert "unknown" not in rule.statuses, question.id


@pytest.mark.parametrize("event", MAIL_EVENTS)
def test_every_mail_of_the_shipped_programme_can_be_written(event: str, shipped: Programme) -> None:
    text = next(text for name, text in shipped.mails.items() if name == event)
    values = values_of(shipped)
    for filled in (values, replace(values, institution="", recipient="", step="", due=None, days=None)):
        subject, body = fill_in(text, filled)
        assert subject.startswith("【事業】")
        assert "https://x.example.jp/a" in body
        assert "None" not in body and "{" not in body
    assert fill_in(shipped.mails["date_near"], values)[1].count("2026年9月3日") == 1


def test_the_number_of_days_is_said_until_the_day_itself(shipped: Programme) -> None:
    values = values_of(shipped)
    assert "あと7日です。" in fill_in(shipped.mails["date_near"], values)[1]
    assert "本日です。" in fill_in(shipped.mails["date_near"], replace(values, days=0))[1]


# -- what a file becomes ----------------------------------------------------------------------------------------------


def test_a_file_becomes_a_programme(knowledge: KnowledgeBase) -> None:
    read = read_programme(GOOD.encode(), "small-2026.yaml", knowledge)
    assert read.reminders.days_before == (14, 7, 1)
    assert read.step_of_form["network"].id == "lines"
    assert read.step_of_document["diagram"].id == "lines"
    assert read.steps[2].due == date(2026, 9, 30) and read.steps[1].due is None
    remote, logs, _, measures = read.forms[0].questions
    assert [option.value for option in remote.options] == ["yes", "no"]
    assert remote.informs.facts[0].value_for(["no"]) is False
    assert logs.shown_if is not None and logs.shown_if.values == ("yes",)
    assert logs.informs.answers[0].status_for(["some"]) == "partial"
    assert logs.informs.answers[0].status_for([]) is None
    assert measures.options[1].alone and not measures.options[0].alone


def test_of_several_chosen_the_first_of_the_rule_decides(knowledge: KnowledgeBase) -> None:
    content = changed(
        'answers:\n            - {control: "mhlw-5:6.11-07", party: user,'
        " statuses: {first: partial, nothing: not_implemented}}",
        "facts: [{fact: uses_iot_devices, values: {nothing: false, first: true}}]",
    )
    rule = read_programme(content, "x.yaml", knowledge).forms[0].questions[3].informs.facts[0]
    assert rule.value_for(["first", "nothing"]) is False
    assert rule.value_for({"first"}) is True
    assert rule.value_for([]) is None


def test_the_digest_of_the_terms_tells_texts_apart(shipped: Programme) -> None:
    terms = shipped.terms
    assert len(terms.digest) == 64
    assert replace(terms, effective_from=date(2030, 1, 1)).digest == terms.digest
    others = [
        replace(terms, version="1.1"),
        replace(terms, articles=terms.articles[:-1]),
        replace(terms, articles=(*terms.articles[:-1], Article(terms.articles[-1].heading, "別の文"))),
    ]
    assert len({terms.digest, *(other.digest for other in others)}) == 4


def test_a_subject_stays_one_line_whatever_stands_in_it(shipped: Programme) -> None:
    values = replace(values_of(shipped), institution="病院\r\nBcc: x@example.jp")
    subject, _ = fill_in(MailText("{{ institution }} から", "本文"), values)
    assert subject == "病院 Bcc: x@example.jp から"


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_line(name: str, knowledge: KnowledgeBase) -> None:
    content, on_line, path, reason = FAULTS[name]
    with pytest.raises(InputError) as refused:
        read_programme(content, "p.yaml", knowledge)
    found = [problem for problem in refused.value.problems if problem.path == path and reason in problem.message]
    assert found, str(refused.value)
    assert found[0].line == line_of(content, on_line), str(found[0])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = HOSTILE[name]
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_bytes(content)
    code, out, err = run(capsys, "programme", "validate", "broken.yaml")
    assert (code, out) == (1, "")
    assert reason in err and err.startswith("broken.yaml:") and "Traceback" not in err
    assert all(line.isprintable() and len(line) < 1000 for line in err.splitlines())


def test_every_fault_is_named_at_once_in_the_order_of_lines(knowledge: KnowledgeBase) -> None:
    content = changed("fact: has_remote_maintenance", "fact: nothing_known").replace(b"6.8-08", b"6.8-88")
    content = content.replace(b"due: 2026-09-30", b"due: 2028-01-01")
    with pytest.raises(InputError) as refused:
        read_programme(content, "p.yaml", knowledge)
    lines = [problem.line for problem in refused.value.problems]
    assert len(lines) == 3 and lines == sorted(lines, key=lambda line: line or 0)


# -- folders and the command ------------------------------------------------------------------------------------------


def test_a_folder_is_read_whole_and_every_fault_in_it_named(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    assert load_programmes(tmp_path / "missing", knowledge) == {}
    (tmp_path / "small-2026.yaml").write_bytes(GOOD.encode())
    assert list(load_programmes(tmp_path, knowledge)) == ["small-2026"]
    (tmp_path / "other.yaml").write_bytes(GOOD.encode())
    (tmp_path / "small-2026.yml").write_bytes(GOOD.encode())
    (tmp_path / "third.yaml").write_bytes(b"")
    with pytest.raises(InputError) as refused:
        load_programmes(tmp_path, knowledge)
    reasons = [problem.message for problem in refused.value.problems]
    assert any("lies in a file named other.yaml" in reason for reason in reasons)
    assert any("is in another file already" in reason for reason in reasons)
    assert any("is not of type object" in reason for reason in reasons)


def test_the_command_counts_what_a_good_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small-2026.yaml"
    path.write_bytes(GOOD.encode())
    code, out, err = run(capsys, "programme", "validate", str(path))
    assert (code, err) == (0, "")
    assert out == f"{path}: 小さな支援事業, 4 steps, 5 questions that inform 1 facts and 2 duties, 1 FAQ, ok\n"


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(("make", "reason"), [(lambda _: None, "no such file"), (a_folder, "is a folder")])
def test_the_command_takes_files_only(
    make: Callable[[Path], None], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "p.yaml")
    code, out, err = run(capsys, "programme", "validate", str(tmp_path / "p.yaml"))
    assert (code, out) == (1, "")
    assert reason in err and len(err.splitlines()) == 1
