"""The gap report as its readers meet it: complete, linked, safe, in Japanese, one file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from filled_institution import AS_OF, IDENTITY_DAYS, IDENTITY_TEXTS, filled
from pypdf import PdfReader

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.gap_report.charts import BAR_LEFT, BAR_RIGHT, conformity_chart
from analyzer.exports.gap_report.report import gap_report_html
from analyzer.exports.templating import ja_date
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution, Service
from analyzer.model.results import Assessment
from analyzer.resources import evidence_dir

DATA = Path(__file__).parent / "data"
_VOID = {"meta", "br", "rect", "circle", "path"}


class Page(HTMLParser):
    """What a browser would see: tags with attributes, the text, the text under each id."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.under: dict[str, list[str]] = {}
        self._open: list[tuple[str, str | None]] = []
        self._texts: list[str] = []
        self.feed(content.decode())
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in _VOID:
            identity = found.get("id")
            if identity:
                assert identity not in self.under, f"{identity} stands twice"
                self.under[identity] = []
            self._open.append((tag, identity))
        elif tag == "br":
            self.handle_data("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        if any(tag == "style" for tag, _ in self._open):
            return
        self._texts.append(data)
        for _, identity in self._open:
            if identity:
                self.under[identity].append(data)

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def part(self, identity: str) -> str:
        """The text under an id with white space run together."""
        return re.sub(r"\s+", " ", "".join(self.under[identity]))


@pytest.fixture(scope="module")
def everything(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(filled(knowledge).institution, AS_OF)


@pytest.fixture(scope="module")
def hospital(knowledge: KnowledgeBase, analyzer: Analyzer) -> Assessment:
    institution, _ = load_institution(evidence_dir() / "institutions" / "minato-general-hospital.yaml", knowledge)
    return analyzer.analyze(institution, AS_OF)


@pytest.fixture(scope="module")
def page(everything: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> Page:
    return Page(gap_report_html(everything, knowledge, rulebook))


@pytest.fixture(scope="module")
def hospital_page(hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook) -> Page:
    return Page(gap_report_html(hospital, knowledge, rulebook))


def test_nothing_answered_is_missing(page: Page, knowledge: KnowledgeBase):
    wanted = filled(knowledge)
    for text in (*wanted.texts, *IDENTITY_TEXTS):
        assert text in page.text, text
    for day in (*wanted.days, *IDENTITY_DAYS):
        assert ja_date(day) in page.text, day
    carried = sum(answer.carried_over for answer in wanted.institution.answers.values())
    assert page.part("results").count("引継ぎ・要再確認") == carried > 0


def test_it_names_version_day_survey_and_superseded_editions(page: Page, knowledge: KnowledgeBase):
    head = page.text[: page.text.index("ギャップ一覧")]
    assert knowledge.version in head
    assert "2026年11月1日" in head
    basis = page.part("basis")
    assert "2019年7月31日時点の調査" in basis
    assert "36か月を超えている" in basis
    assert "2025年10月31日に効力を失った" in basis
    for guideline in knowledge.encoded_guidelines:
        assert guideline.in_force or guideline.status_note in basis


def test_the_counts_come_first_and_are_those_of_the_summary(
    hospital_page: Page, hospital: Assessment, rulebook: Rulebook
):
    overall = hospital.summary.overall
    summary = hospital_page.part("summary")
    assert f"適用される項目{overall.applicable}全{overall.controls}項目" in summary
    for word, count in overall.conformity.items():
        term = rulebook.term("conformity", word)
        assert word == "not_applicable" or f"{term.mark}{term.ja}{count}" in summary
    assert f"{overall.rate:.1%}" in summary
    assert list(hospital_page.under).index("summary") < list(hospital_page.under).index("gaps")


def test_charts_say_in_words_and_numbers_what_they_show(
    hospital_page: Page, hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook
):
    images = [attributes for tag, attributes in hospital_page.tags if tag == "svg" and attributes.get("role") == "img"]
    assert len(images) == len(knowledge.encoded_guidelines) + 2
    for image in images:
        title, description = (image["aria-labelledby"] or "").split()
        assert hospital_page.part(title)
        assert hospital_page.part(description)
    described = hospital_page.part("chart-mhlw-5-desc")
    for (guideline, section), tally in hospital.summary.by_section.items():
        if guideline == "mhlw-5":
            for word, count in tally.conformity.items():
                name = rulebook.term("conformity", word).ja
                assert not count or re.search(rf"{re.escape(section)} [^。]*{name} {count}[、。]", described)


def test_the_segments_of_a_bar_fill_it_and_what_has_room_is_labelled(hospital: Assessment, rulebook: Rulebook):
    rows = [(section, tally) for (_, section), tally in hospital.summary.by_section.items()]
    chart = conformity_chart("x", "節", rows, rulebook)
    for (_, tally), bar in zip(rows, chart.bars, strict=True):
        assert sum(segment.width for segment in bar.segments) == pytest.approx(BAR_RIGHT - BAR_LEFT, abs=0.1)
        assert bar.segments[0].x == BAR_LEFT
        for segment in bar.segments:
            count = tally.conformity[segment.word]  # type: ignore[index]
            assert segment.width == pytest.approx((BAR_RIGHT - BAR_LEFT) * count / tally.controls, abs=0.01)
            assert segment.label in ("", f"{rulebook.term('conformity', segment.word).mark} {count}")
            assert segment.label or segment.width < 60


def test_a_long_name_is_cut_to_the_room_left_of_the_bars(hospital: Assessment, rulebook: Rulebook):
    (bar,) = conformity_chart("x", "節", [("長" * 400, hospital.summary.overall)], rulebook).bars
    assert re.fullmatch("長{10,17}…", bar.name)


def test_every_control_can_be_linked_to_and_every_link_leads_somewhere(hospital_page: Page, hospital: Assessment):
    assert {result.control.key for result in hospital.results} <= set(hospital_page.under)
    inner = [str(a["href"])[1:] for tag, a in hospital_page.tags if tag == "a" and str(a["href"]).startswith("#")]
    assert len(inner) > len(hospital.results)
    assert set(inner) <= set(hospital_page.under)


def test_every_gap_is_listed_with_its_rule_and_next_action(hospital_page: Page, hospital: Assessment):
    listed = hospital_page.part("gaps")
    gaps = [gap for result in hospital.results for gap in result.gaps]
    for rule, count in Counter(gap.rule for gap in gaps).items():
        assert len(re.findall(rf"規則 {rule}\b", listed)) == count, rule
    for gap in gaps:
        assert gap.action.ja in listed


def test_what_is_overdue_depends_on_the_day_given(
    hospital: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
):
    def overdue(as_of: date) -> int:
        found = Page(gap_report_html(analyzer.analyze(hospital.institution, as_of), knowledge, rulebook)).part("gaps")
        said = re.search(r"期限を過ぎた対応：(\d+)件", found)
        assert said is not None
        assert int(said[1]) == len(re.findall(r"期限超過 \d+日", found))
        return int(said[1])

    assert overdue(date(2027, 12, 31)) > overdue(AS_OF) > 0
    due = min(answer.due for answer in hospital.institution.answers.values() if answer.due)
    assert overdue(due) == 0


def test_left_out_controls_stand_with_the_reason(everything: Assessment, page: Page):
    listed = page.part("left-out")
    out = [result for result in everything.results if result.conformity == "not_applicable"]
    assert out
    for result in out:
        assert result.control.title.ja in listed
    assert "無線LAN（Wi-Fi）を業務に使っていますか。」→ いいえ" in listed


def test_a_control_declared_not_applicable_stands_with_each_partys_reason(
    everything: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
):
    control = next(
        result.control
        for result in everything.results
        if result.response and result.response.conformity == "out_of_scope" and len(result.duties) > 1
    )
    answers = {
        key: replace(answer, status="not_applicable", checked_on=AS_OF) if key[0] == control.key else answer
        for key, answer in everything.institution.answers.items()
    }
    declared = analyzer.analyze(replace(everything.institution, answers=answers), AS_OF)
    listed = Page(gap_report_html(declared, knowledge, rulebook)).part("left-out")
    listed = listed[: listed.index("一部の対応だけを該当なしとした項目")]
    assert control.title.ja in listed
    for (key, party), answer in answers.items():
        if key == control.key:
            assert f"{rulebook.term('party', party).ja}：{answer.reason}" in listed


def test_lapsing_evidence_open_facts_and_carried_over_answers_stand_in_their_chapters(
    hospital: Assessment, hospital_page: Page
):
    for entry in hospital.summary.expiring:
        assert entry.evidence.title in hospital_page.part("expiring")
    lapsed = sum(entry.days < 0 for entry in hospital.summary.expiring)
    assert len(re.findall(r"期限切れ \d+日", hospital_page.part("expiring"))) == lapsed > 0
    for fact in hospital.summary.unknown_facts:
        assert f"{fact.question}" in hospital_page.part("unknown")
        assert f"{fact.controls}件" in hospital_page.part("unknown")
    assert hospital_page.part("carried").count("引継ぎ・要再確認") == hospital.summary.carried_over > 0


def test_what_to_ask_of_the_vendor_is_complete(hospital: Assessment, hospital_page: Page):
    asked = hospital_page.part("vendor")
    for result in hospital.results:
        if any(gap.party == "vendor" for gap in result.gaps):
            assert result.control.title.ja in asked


def test_hostile_texts_stay_texts(
    hospital: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
):
    attack = '</style><script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="x {{ 7*7 }} \x00\x1b\u202e'
    institution = hospital.institution
    answers = {key: replace(answer, note=attack, owner=attack) for key, answer in institution.answers.items()}
    evidence = {key: replace(item, title=attack, location=attack) for key, item in institution.evidence.items()}
    hostile = replace(institution, name=attack, region=attack, answers=answers, evidence=evidence)
    content = gap_report_html(analyzer.analyze(hostile, AS_OF), knowledge, rulebook)
    seen = Page(content)
    assert not {tag for tag, _ in seen.tags} & {"script", "img", "iframe", "object", "link", "base", "form"}
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert "<script>alert(1)</script>" in seen.text
    assert "{{ 7*7 }} ␀␛〔U+202E〕" in seen.text
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", content)


def test_it_is_one_file_that_asks_nothing_of_the_net(hospital_page: Page):
    fetched = [
        attributes
        for tag, attributes in hospital_page.tags
        if attributes.get("src") or (tag != "a" and attributes.get("href"))
    ]
    assert fetched == []
    assert "@import" not in hospital_page.text


def test_words_of_the_formats_do_not_leak_into_the_page(hospital_page: Page, page: Page):
    words = (
        "not_assessed|not_applicable|conforming|unanswered|duty_|vendor_|user_side|implemented|integrator|none_stated"
        r"|\bNone\b|\bTrue\b|\bFalse\b|\bminimum\b|\bhigh\b|\bnda\b"
    )
    for seen in (hospital_page, page):
        assert re.findall(words, seen.text) == []


def test_the_same_input_gives_the_same_bytes(
    everything: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
):
    again = analyzer.analyze(filled(knowledge).institution, AS_OF)
    assert gap_report_html(everything, knowledge, rulebook) == gap_report_html(again, knowledge, rulebook)


def _without(institution: Institution) -> Institution:
    return replace(
        institution, services=(), answers={}, evidence={}, facts={}, beds=None, staff=None, region=None, fictional=False
    )


def test_an_institution_that_has_told_nothing_yet_gets_a_report(
    hospital: Assessment, analyzer: Analyzer, knowledge: KnowledgeBase, rulebook: Rulebook
):
    bare = analyzer.analyze(_without(hospital.institution), AS_OF)
    seen = Page(gap_report_html(bare, knowledge, rulebook))
    assert "利用するクラウドサービスが登録されていない" in seen.part("basis")
    assert "架空のもの" not in seen.text
    assert len(bare.results) == len(knowledge.controls)


def test_several_services_are_told_apart(hospital: Assessment, rulebook: Rulebook):
    knowledge = load_knowledge([DATA / "second-vendor"])
    both = replace(
        hospital.institution,
        services=(*hospital.institution.services, Service("example-cloud", None, None, ())),
    )
    assessment = Analyzer(knowledge).analyze(both, AS_OF)
    seen = Page(gap_report_html(assessment, knowledge, rulebook))
    for vendor in ("cybozu.com", "example-cloud"):
        assert knowledge.vendors[vendor].name.ja in seen.part("mhlw-5:6.5-01")
    assert "2025年6月30日時点の調査" in seen.part("basis")
    assert "項目はサービスごとに数える" in seen.part("summary")


@pytest.mark.tools
def test_chromium_prints_it(hospital: Assessment, knowledge: KnowledgeBase, rulebook: Rulebook, tmp_path: Path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        if os.environ.get("SANSHO_TEST_TOOLS") == "required":
            pytest.fail("chromium is missing")
        pytest.skip("chromium is missing")
    source, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    source.write_bytes(gap_report_html(hospital, knowledge, rulebook))
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={printed}", source.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pages = PdfReader(printed).pages
    assert hospital.institution.name in pages[0].extract_text()
    assert f"1 / {len(pages)}" in pages[0].extract_text()
    width, height = (float(side) for side in pages[0].mediabox[2:])
    assert (width, height) == pytest.approx((595, 842), abs=2)
