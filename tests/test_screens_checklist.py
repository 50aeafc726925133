"""The checklist's fragments: every duty with all that was answered, filtered by section and party, counted alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from filled_institution import AS_OF, filled

from analyzer.engine.analysis import Analyzer
from analyzer.exports.checklist.content import build_checklist
from analyzer.exports.checklist.context import SectionKey
from analyzer.exports.screens.checklist import ChecklistScreen, View, concerns
from analyzer.exports.templating import ja_date
from analyzer.knowledge.institutions import load_institution
from analyzer.model.institution import Institution
from analyzer.model.vocabulary import PARTIES
from analyzer.resources import sample_institutions

SAMPLES = ("minato-general-hospital", "hidamari-clinic")


def href(page: str, said: Mapping[str, Sequence[str]]) -> str:
    return (
        f"{page}?{urlencode({'institution': 'i', **{name: list(value) for name, value in said.items()}}, doseq=True)}"
    )


def screen_of(analyzer: Analyzer, institution: Institution) -> ChecklistScreen:
    assessment = analyzer.analyze(institution, AS_OF)
    checklist = build_checklist(assessment, analyzer.knowledge, analyzer.rulebook)
    return ChecklistScreen(checklist, analyzer.knowledge, analyzer.rulebook)


def sample(analyzer: Analyzer, name: str) -> ChecklistScreen:
    return screen_of(analyzer, load_institution(sample_institutions()[name], analyzer.knowledge)[0])


def text(fragment: str) -> str:
    """What a reader sees, white space removed."""
    return re.sub(r"\s+", "", unescape(re.sub(r"<[^>]*>", "", fragment)))


def shown_controls(fragment: str) -> list[str]:
    """The controls that have an article of their own, in order."""
    return re.findall(r'<h3><a href="[^"]*control=([^"&]+)"><span class="id">', unescape(fragment).replace("%3A", ":"))


def parties_of(fragment: str) -> set[str]:
    return set(re.findall(r'<section class="part" aria-label="([^"]+?)(?:が行うこと)?">', fragment))


# -- what is shown ----------------------------------------------------------------------------------------------------


def test_all_that_was_answered_is_on_the_screen(analyzer: Analyzer) -> None:
    given = filled(analyzer.knowledge)
    screen = screen_of(analyzer, given.institution)
    shown = text(screen.duties(View(None), href))
    counted = {row.key for section in screen.checklist.sections for row in section.rows}
    for (key, party), answer in given.institution.answers.items():
        if key not in counted or (answer.checked_on and answer.checked_on > AS_OF):
            continue  # told under 集計に入らない回答
        for said in (answer.owner, answer.reason, *(answer.note or "").split("\n"), *answer.evidence):
            assert said and said in shown, (key, party)
        for day in (answer.due, answer.checked_on):
            assert ja_date(day) in shown
    uncounted = text(screen.summary(href))
    for entry in screen.checklist.uncounted:
        assert entry.id in uncounted
        assert re.sub(r"\s+", "", entry.why) in uncounted
    assert shown.count("引継ぎ・要再確認") >= screen.checklist.total.recheck > 0


@pytest.mark.parametrize("name", SAMPLES)
def test_each_control_has_one_place_and_every_section_shows_its_own(analyzer: Analyzer, name: str) -> None:
    screen = sample(analyzer, name)
    found = [key for section in screen.sections for key in shown_controls(screen.duties(View(section), href))]
    assert found == [row.key for section in screen.checklist.sections for row in section.rows]
    assert shown_controls(screen.duties(View(None), href)) == found


@pytest.mark.parametrize("party", [*PARTIES, "vendor"])
def test_a_partys_view_has_its_duties_and_nobody_elses(analyzer: Analyzer, party: str) -> None:
    screen = sample(analyzer, "minato-general-hospital")
    fragment = screen.duties(View(None, party), href)  # type: ignore[arg-type]
    rows = [row for section in screen.checklist.sections for row in section.rows]
    expected = [row.key for row in rows if concerns(row, party)]  # type: ignore[arg-type]
    assert shown_controls(fragment) == expected != []
    assert parties_of(fragment) == {analyzer.rulebook.term("party", party).ja}


def test_an_item_for_the_vendor_under_nda_says_so(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "hidamari-clinic")
    fragment = screen.duties(View(None, "vendor"), href)
    asked = [vendor for request in screen.checklist.requests for vendor in [request.vendor]]
    assert any(item.under_nda for vendor in asked for item in vendor.items)
    for vendor in asked:
        for item in vendor.items:
            assert re.sub(r"\s+", "", item.text) in text(fragment)
    assert 'class="badge disclosure-nda"' in fragment


def test_a_status_has_its_mark_and_its_word(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "minato-general-hospital")
    fragment = screen.duties(View(None), href)
    for word, term in analyzer.rulebook.terms["status"].items():
        badge = f'<span class="mark" aria-hidden="true">{term.mark}</span>{term.ja}</span>'
        assert (badge in fragment) == bool(screen.progress().statuses[word])


def test_a_late_duty_says_by_how_many_days(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "minato-general-hospital")
    late = [
        cell.overdue
        for section in screen.checklist.sections
        for row in section.rows
        for cell in (row.user, row.integrator)
        if cell.overdue is not None
    ]
    shown = re.findall(r"期限を(\d+)日過ぎている", screen.duties(View(None), href))
    assert sorted(map(int, shown)) == sorted(late) != []
    assert screen.progress().overdue == len(late)


def test_what_is_left_out_of_a_section_stands_at_its_end_with_the_reason(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "hidamari-clinic")
    shown = text(screen.duties(View(None), href))
    for entry in screen.checklist.left_out:
        assert re.sub(r"\s+", "", f"{entry.id}{entry.title}{entry.scope}{entry.reason}") in shown


# -- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_progress_agrees_with_the_engine_and_adds_up(analyzer: Analyzer, name: str) -> None:
    screen = sample(analyzer, name)
    institution = load_institution(sample_institutions()[name], analyzer.knowledge)[0]
    summary = analyzer.analyze(institution, AS_OF).summary
    for party in PARTIES:
        assert dict(screen.progress(party).statuses) == dict(summary.duties_by_party[party])
    total = screen.progress()
    sections = [screen.progress(None, section) for section in screen.sections]
    assert sum(each.total for each in sections) == total.total == screen.checklist.total.duties
    assert sum(each.done for each in sections) == total.done
    assert total.done == screen.checklist.total.done + screen.checklist.total.excluded
    assert total.requests == len({request.key for request in screen.checklist.requests})


def test_the_navigation_tells_how_far_each_section_is_and_where_the_reader_stands(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "minato-general-hospital")
    here = ("mhlw-5", "6.5")
    fragment = screen.navigation(View(here, "user"), href)
    links = re.findall(r'<a href="([^"]+)"( aria-current="page")?>(.*?)</a>', fragment, re.S)
    assert len(links) == 1 + len(screen.sections)
    for (target, current, content), section in zip(links[1:], screen.sections, strict=True):
        query = parse_qs(urlsplit(unescape(target)).query)
        assert query == {"institution": ["i"], "section": [":".join(section)], "party": ["user"]}
        found = screen.progress("user", section)
        assert (f"{found.done}/{found.total}" in text(content)) == bool(found.total)
        assert ("期限超過" in content) == bool(found.overdue)
        assert bool(current) == (section == here)


def test_the_summary_comes_with_day_version_and_warning_for_the_paper(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "minato-general-hospital")
    fragment = screen.summary(href)
    shown = text(fragment)
    for said in ("架空みなと総合病院", "2026年11月1日", analyzer.knowledge.version, "見本", "旧版を含む"):
        assert said in shown
    for party in PARTIES:
        found = screen.progress(party)
        assert f"{found.done}／{found.total}" in shown


# -- links and hostile text -------------------------------------------------------------------------------------------


def test_every_link_stays_in_the_app_with_the_institution_or_is_a_web_page(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "minato-general-hospital")
    fragments = [screen.summary(href), screen.navigation(View(None), href), screen.duties(View(None), href)]
    hrefs = {unescape(found) for fragment in fragments for found in re.findall(r'href="([^"]*)"', fragment)}
    inside = {urlsplit(found) for found in hrefs if not found.startswith("https://")}
    assert {part.path for part in inside} == {"", "gaps", "matrix", "overview"}
    assert all(parse_qs(part.query)["institution"] == ["i"] for part in inside)
    for part in inside:
        for key in parse_qs(part.query).get("control", []):
            assert key in analyzer.knowledge.controls


def test_going_on_leads_from_section_to_section(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "minato-general-hospital")

    def turns(section: SectionKey) -> list[str]:
        nav = re.search(r'<nav class="turn.*?</nav>', screen.duties(View(section, "user"), href), re.S)
        return [
            parse_qs(unescape(target))["section"][0] for target in re.findall(r'href="([^"]+)"', nav[0] if nav else "")
        ]

    names = [":".join(section) for section in screen.sections]
    assert turns(screen.sections[0]) == names[1:2]
    assert turns(screen.sections[7]) == [names[6], names[8]]
    assert turns(screen.sections[-1]) == names[-2:-1]


def test_a_file_is_named_after_institution_sections_and_day(analyzer: Analyzer) -> None:
    screen = sample(analyzer, "hidamari-clinic")
    some = [("mhlw-5", "6.5"), ("mhlw-5", "6.6")]
    assert [screen.file_name(sections, "pdf") for sections in ([], some[:1], some, screen.sections)] == [
        "hidamari-clinic-checklist-2026-11-01.pdf",
        "hidamari-clinic-checklist-mhlw-5-6.5-2026-11-01.pdf",
        "hidamari-clinic-checklist-part-2026-11-01.pdf",
        "hidamari-clinic-checklist-2026-11-01.pdf",
    ]


def test_hostile_text_stays_text(analyzer: Analyzer) -> None:
    attack = '<script>alert(1)</script><img src=x onerror="alert(1)">{{ 7*7 }}\u202e'
    institution = filled(analyzer.knowledge).institution
    answers = {
        key: replace(answer, owner=attack, note=attack, reason=attack)
        for key, answer in list(institution.answers.items())[:8]
    }
    screen = screen_of(analyzer, replace(institution, name=attack, integrator=attack, answers=answers))
    for fragment in (screen.summary(href), screen.duties(View(None), href)):
        assert "<script" not in fragment
        assert "<img" not in fragment
        assert "\u202e" not in fragment
        assert "{{ 7*7 }}" in fragment


def test_an_institution_without_services_gets_a_checklist_that_says_what_is_missing(analyzer: Analyzer) -> None:
    institution = replace(filled(analyzer.knowledge).institution, services=(), answers={}, evidence={})
    screen = screen_of(analyzer, institution)
    assert screen.progress().total == 0
    assert "示す対応はない" in screen.duties(View(None, "user"), href)
    assert "この節に、利用者（医療機関）の対応はない" in screen.duties(View(screen.sections[0], "user"), href)
