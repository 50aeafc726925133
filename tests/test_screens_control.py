"""The fragments for one opened control: nothing said of it is missing, nothing hostile gets in, finds are marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from html.parser import HTMLParser

import pytest

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.related import related_controls, unrelated_controls
from analyzer.exports.screens.control import clause_fragment, control_fragment, document_href, ground
from analyzer.exports.screens.why import said, why_fragment
from analyzer.exports.templating import ja_date
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.model.catalog import AllOf, AnyOf, FactTest, Not
from analyzer.model.controls import Duty
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.resources import sample_institutions, templates_dir
from analyzer.search.index import FieldMatch, Hit, SearchIndex

AS_OF = date(2026, 11, 1)
LOGS = "mhlw-5:6.5-07"
CERTIFIED = "meti-2:2.3-04"
VENDOR = "cybozu.com"
VOID = {"br"}


@dataclass
class Page(HTMLParser):
    """A fragment as a reader meets it. Fails on markup that is not closed in order."""

    markup: str
    text: str = ""
    marks: list[str] = field(default_factory=list)
    links: list[dict[str, str]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    bare_headers: int = 0
    tags: set[str] = field(default_factory=set)
    english: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.feed(self.markup)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.classes.update(given.get("class", "").split())
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if tag == "th" and "scope" not in given:
            self.bare_headers += 1
        if tag == "mark":
            self.marks.append("")
        if tag not in VOID:
            self.open.append((tag, given))
        else:
            self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if any(tag == "mark" for tag, _ in self.open):
            self.marks[-1] += data
        if any(given.get("lang") == "en" for _, given in self.open):
            self.english += data

    def hrefs(self) -> list[str]:
        return [link["href"] for link in self.links]


@pytest.fixture(scope="module")
def hospital(knowledge: KnowledgeBase) -> Institution:
    return load_institution(sample_institutions()["minato-general-hospital"], knowledge)[0]


@pytest.fixture(scope="module")
def assessment(analyzer: Analyzer, hospital: Institution) -> Assessment:
    return analyzer.analyze(hospital, AS_OF)


def test_every_text_of_every_control_is_shown(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    without_counterpart = unrelated_controls(knowledge)
    for key, control in knowledge.controls.items():
        page = Page(control_fragment(control, knowledge, rulebook))
        guideline = knowledge.guidelines[control.guideline]
        wanted = [guideline.short_title, guideline.status_note, control.section.title.ja, control.id, key]
        wanted += [control.title.ja, control.requirement, rulebook.term("level", control.level).ja]
        wanted += [f"({point.id}){point.text}" for point in control.points]
        wanted += [*control.expected_evidence, *filter(None, (control.mark, control.note))]
        if control.applies_if:
            wanted.append(knowledge.conditions[control.applies_if].title.ja)
        for citation in control.mic.clauses if control.mic else ():
            wanted += [citation.id, knowledge.clauses[citation.id].text, *filter(None, (citation.note,))]
        wanted += control.mic.agreements if control.mic else ()
        for vendor, response in control.responses.items():
            register = knowledge.vendors[vendor]
            wanted += [register.name.ja, rulebook.term("vendor_conformity", response.conformity).ja]
            wanted += filter(None, (response.statement, response.finding))
            wanted += [duty.text for duty in response.duties]
            wanted += [register.certifications[item].number for item in response.certifications]
            for number in response.all_documents:
                wanted += [f"[{number}]", *filter(None, (register.documents[number].title,))]
                assert document_href(vendor, number) in page.hrefs()
            assert set(response.urls) <= set(page.hrefs())
        for related in related_controls(key, knowledge):
            wanted += [related.control.title.ja, related.reason, rulebook.term("relation", related.kind).ja]
            assert f"?control={related.control.key}" in page.hrefs()
        wanted += [judged.reason for judged in without_counterpart.get(key, ())]
        for text in wanted:
            assert text in page.text, (key, text)
        assert control.title.en in page.english


def test_every_result_is_shown_with_its_answers_and_gaps(
    knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    for result in assessment.results:
        page = Page(control_fragment(result.control, knowledge, rulebook, assessment=assessment))
        wanted = [assessment.institution.name, ja_date(AS_OF), rulebook.term("conformity", result.conformity).ja]
        wanted += [result.rule, result.reason.ja, result.assurance_reason.ja]
        wanted += [rulebook.term("responsibility", result.responsibility).ja]
        for duty in result.duties:
            wanted += [rulebook.term("party", duty.party).ja, rulebook.term("status", duty.status).ja]
            if duty.answer:
                wanted += filter(None, (duty.answer.owner, duty.answer.note, duty.answer.reason))
                wanted += [assessment.institution.evidence[item].title for item in duty.answer.evidence]
                wanted += [ja_date(day) for day in (duty.answer.checked_on, duty.answer.due) if day]
            if duty.carried_over:
                wanted.append("引継ぎ・要再確認")
        for gap in result.gaps:
            wanted += [gap.rule, gap.reason.ja, gap.action.ja, rulebook.term("gap_kind", gap.kind).ja]
            wanted += [rulebook.term("priority", gap.priority).ja]
        for text in wanted:
            assert text in page.text, (result.control.key, text)


def test_one_result_can_be_shown_alone_and_without_the_assessment(
    knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    result = next(each for each in assessment.results if each.control.key == LOGS)
    page = Page(control_fragment(result.control, knowledge, rulebook, result=result))
    answer = result.duties[0].answer
    assert answer is not None
    assert result.reason.ja in page.text
    assert answer.evidence[0] in page.text, "evidence is named by its id where its title is not at hand"
    assert "医療機関の状態" in page.text
    assert "state" not in Page(control_fragment(result.control, knowledge, rulebook)).ids


def test_a_day_that_has_passed_is_said(knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment) -> None:
    late = next(
        (result, duty.answer.due)
        for result in assessment.results
        for duty in result.duties
        if duty.answer and duty.answer.due and duty.answer.due < AS_OF and duty.status == "not_implemented"
    )
    result, due = late
    page = Page(control_fragment(result.control, knowledge, rulebook, assessment=assessment))
    assert f"期限超過 {(AS_OF - due).days}日" in page.text


def test_duties_that_fell_to_the_institution_say_whose_they_were(
    knowledge: KnowledgeBase, rulebook: Rulebook, hospital: Institution
) -> None:
    control = knowledge.controls[CERTIFIED]
    duties = (Duty(("integrator",), "設定を点検する。"),)
    changed = replace(control, responses={VENDOR: replace(control.responses[VENDOR], duties=duties)})
    known = replace(knowledge, controls={LOGS: knowledge.controls[LOGS], CERTIFIED: changed})
    alone = replace(hospital, integrator_presence="absent", integrator=None, answers={})
    assessed = Analyzer(known, rulebook).analyze(alone, AS_OF)
    assert "本来はSI事業者" in Page(control_fragment(changed, known, rulebook, assessment=assessed)).text
    shared = Page(control_fragment(knowledge.controls[LOGS], knowledge, rulebook, assessment=assessed)).text
    assert "SI事業者に求められた対応も、この担い手が行う" in shared
    assert "本来は" not in shared, "the institution is asked for this duty itself"


def test_every_service_in_use_has_its_result(
    knowledge: KnowledgeBase, rulebook: Rulebook, analyzer: Analyzer, hospital: Institution
) -> None:
    another = replace(hospital.services[0], vendor="another.example")
    assessed = analyzer.analyze(replace(hospital, services=(*hospital.services, another)), AS_OF)
    page = Page(control_fragment(knowledge.controls[LOGS], knowledge, rulebook, assessment=assessed))
    assert "another.example" in page.text
    assert rulebook.term("vendor_conformity", "no_answer").ja in page.text
    assert page.text.count("規則 C-") == 2


@pytest.mark.parametrize(("day", "lapsed"), [(date(2025, 10, 30), False), (date(2025, 10, 31), True)])
def test_a_withdrawn_certification_is_a_warning_from_its_day_on(
    knowledge: KnowledgeBase, rulebook: Rulebook, analyzer: Analyzer, hospital: Institution, day: date, lapsed: bool
) -> None:
    assessed = analyzer.analyze(hospital, day)
    page = Page(control_fragment(knowledge.controls[CERTIFIED], knowledge, rulebook, assessment=assessed))
    assert ("2025年10月31日に効力を失った" in page.text) == lapsed
    assert ("効力の終わる日 2025年10月31日" in page.text) != lapsed


def test_without_an_assessment_the_survey_is_what_a_certification_is_judged_by(
    knowledge: KnowledgeBase, rulebook: Rulebook
) -> None:
    control = knowledge.controls[CERTIFIED]
    assert "効力の終わる日 2025年10月31日" in Page(control_fragment(control, knowledge, rulebook)).text
    vendor = knowledge.vendors[VENDOR]
    later = replace(vendor, survey=replace(vendor.survey, surveyed_on=date(2026, 1, 1)))
    surveyed_later = replace(knowledge, vendors={VENDOR: later})
    assert "2025年10月31日に効力を失った" in Page(control_fragment(control, surveyed_later, rulebook)).text


def test_documents_say_how_they_were_used(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    control = knowledge.controls[LOGS]
    answer = replace(control.responses[VENDOR], finding_documents=("03",), documents=("01",))
    page = Page(control_fragment(replace(control, responses={VENDOR: answer}), knowledge, rulebook)).text
    confirmed, cited = page.index("[01]"), page.index("[03]")
    assert "公開文書として確認" in page[confirmed:cited]
    assert "確認した内容で引用" not in page[confirmed:cited]
    assert "確認した内容で引用" in page[cited:]


def test_what_the_search_found_is_marked_where_it_stands(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    hits = SearchIndex(knowledge).find("ログ 記録", limit=None)
    hit = next(hit for hit in hits if hit.control.key == LOGS)
    page = Page(control_fragment(hit.control, knowledge, rulebook, hit=hit))
    found = [match.text[start:end] for match in hit.matches for start, end in match.spans]
    assert set(page.marks) == set(found)
    # A duty stands once for each of its parties, so there may be more marks than places found.
    assert len(page.marks) >= len(found)
    assert page.text == Page(control_fragment(hit.control, knowledge, rulebook)).text
    assert Page(control_fragment(hit.control, knowledge, rulebook)).marks == []


def test_the_same_text_of_another_field_is_not_marked(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    control = replace(knowledge.controls[LOGS], note=knowledge.controls[LOGS].title.ja)
    hit = Hit(control, 50.0, (FieldMatch("title", "ja", control.title.ja, ((0, 4),)),))
    assert Page(control_fragment(control, knowledge, rulebook, hit=hit)).marks == [control.title.ja[:4]]


def test_hostile_texts_stay_texts(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    nasty = '<script>alert("x")</script>\u202e'
    control = knowledge.controls[LOGS]
    answer = replace(
        control.responses[VENDOR], statement=nasty, urls=("javascript:alert(1)", "HTTPS://good.example/?a=1&b=2")
    )
    hit = Hit(control, 50.0, (FieldMatch("requirement", None, nasty, ((1, 7),)),))
    hostile = replace(control, requirement=nasty, note=nasty, responses={VENDOR: answer})
    page = Page(control_fragment(hostile, knowledge, rulebook, hit=hit))
    assert "script" not in page.tags
    assert page.text.count('<script>alert("x")</script>〔U+202E〕') == 3
    assert page.marks == ["script"]
    assert not [href for href in page.hrefs() if href.lower().startswith("javascript")]
    assert "javascript:alert(1)" in page.text
    assert "HTTPS://good.example/?a=1&b=2" in page.hrefs()


def test_outside_links_open_safely_and_inside_links_are_relative(
    knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment
) -> None:
    for control in knowledge.controls.values():
        for link in Page(control_fragment(control, knowledge, rulebook, assessment=assessment)).links:
            if link["href"].startswith("http"):
                assert (link["rel"], link["target"]) == ("noopener noreferrer", "_blank")
            else:
                assert re.match(r"(evidence)?\?(control|clause|document)=[^ ]+$", link["href"])


def test_structure_is_sound(knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment) -> None:
    styled = set(re.findall(r"\.([a-z_-]+)", (templates_dir() / "styles" / "app.css").read_text(encoding="utf-8")))
    words = {f"{of}-{word}" for of, terms in rulebook.terms.items() for word in terms}
    for page in fragments(knowledge, rulebook, assessment):
        assert page.headings[0] == "h2"
        assert set(page.headings[1:]) == {"h3"}
        assert len(page.ids) == len(set(page.ids))
        assert page.bare_headers == 0
        assert page.tags.isdisjoint({"html", "head", "body", "style"})
        assert page.classes - styled - words <= {"control", "clause", "why"}


def fragments(knowledge: KnowledgeBase, rulebook: Rulebook, assessment: Assessment) -> Iterator[Page]:
    for key in (LOGS, CERTIFIED, "mhlw-5:6.5-12", "meti-2:2.6.6-09"):
        control = knowledge.controls[key]
        yield Page(control_fragment(control, knowledge, rulebook, assessment=assessment))
        steps = Analyzer(knowledge, rulebook).explain(assessment.institution, AS_OF, control)
        yield Page(why_fragment(steps, rulebook, knowledge))
    yield Page(clause_fragment(knowledge.clauses["Ⅲ.1.1.5"], knowledge, rulebook))


def test_a_condition_reads_as_questions_and_answers(knowledge: KnowledgeBase) -> None:
    wireless, several = FactTest("uses_wireless_lan", (True,)), FactTest("has_several_access_points", (False,))
    asked = knowledge.facts["uses_wireless_lan"].question
    every = ground(AllOf((wireless, Not(AnyOf((wireless, several))))), knowledge)
    assert every.text == "次のすべてに当てはまる"
    assert every.parts[0].text == f"「{asked}」に「はい」"
    negated = every.parts[1]
    assert negated.text == "次に当てはまらない"
    assert negated.parts[0].text == "次のどれかに当てはまる"
    assert negated.parts[0].parts[1].text.endswith("に「いいえ」")


def test_every_clause_is_shown_with_the_controls_that_cite_it(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    for clause in knowledge.clauses.values():
        page = Page(clause_fragment(clause, knowledge, rulebook))
        for text in (clause.id, clause.title.ja, clause.text, rulebook.term("clause_class", clause.clause_class).ja):
            assert text in page.text, clause.id
        assert clause.note is None or clause.note in page.text
        citing = knowledge.citing_controls.get(clause.id, ())
        assert [href for href in page.hrefs() if "control=" in href] == [f"?control={each.key}" for each in citing]


def test_an_explanation_tells_every_step_in_order(
    knowledge: KnowledgeBase, rulebook: Rulebook, analyzer: Analyzer, hospital: Institution
) -> None:
    steps = analyzer.explain(hospital, AS_OF, knowledge.controls[LOGS])
    text = Page(why_fragment(steps, rulebook, knowledge)).text
    at = 0
    for step in steps[VENDOR]:
        at = text.index(f"規則 {step.rule} ", at) + 1
        assert step.reason.ja in text[at:]
    assert knowledge.vendors[VENDOR].name.ja in text
    for raw in ("vendor_answer", "nda_reviewed", "user_duty", "no_gap", "duty_state"):
        assert raw not in text


def test_an_explanation_without_a_service_says_so(
    knowledge: KnowledgeBase, rulebook: Rulebook, analyzer: Analyzer, hospital: Institution
) -> None:
    steps = analyzer.explain(replace(hospital, services=()), AS_OF, knowledge.controls[LOGS])
    assert "クラウドサービスなし" in Page(why_fragment(steps, rulebook, knowledge)).text


def test_every_word_of_the_tables_reads_in_japanese(rulebook: Rulebook) -> None:
    raw = []
    for table in rulebook.tables.values():
        for name, words in {**table.inputs, **table.outputs}.items():
            for word in words:
                # A gap's party and priority are left out where there is no gap.
                if word == "none" and name in {"party", "priority"}:
                    continue
                shown = said(name, word, rulebook)
                raw += [(table.name, name, word) for text in (shown.name, shown.value) if re.search("[a-z_]", text)]
    assert raw == []
