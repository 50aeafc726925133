"""A checklist of some sections only: it says so in every format, and holds what is theirs and nothing else."""

from __future__ import annotations

import io
import re

import pytest
from filled_institution import AS_OF, filled
from openpyxl import load_workbook
from pypdf import PdfReader

from analyzer.engine.analysis import Analyzer
from analyzer.exports.checklist import layout
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.checklist.context import SectionKey
from analyzer.exports.checklist.model import Checklist
from analyzer.model.results import Assessment

CHOSEN: frozenset[SectionKey] = frozenset({("mhlw-5", "6.5"), ("meti-2", "2.6.13")})
FORMATS = ("xlsx", "html", "pdf")


@pytest.fixture(scope="module")
def assessment(analyzer: Analyzer) -> Assessment:
    return analyzer.analyze(filled(analyzer.knowledge).institution, AS_OF)


@pytest.fixture(scope="module")
def whole(analyzer: Analyzer, assessment: Assessment) -> Checklist:
    return build_checklist(assessment, analyzer.knowledge, analyzer.rulebook)


@pytest.fixture(scope="module")
def part(analyzer: Analyzer, assessment: Assessment) -> Checklist:
    return build_checklist(assessment, analyzer.knowledge, analyzer.rulebook, CHOSEN)


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", text)


def read(checklist: Checklist, output_format: str) -> str:
    content = render_checklist(checklist, output_format)
    if output_format == "pdf":
        first = PdfReader(io.BytesIO(content)).pages[0]  # the rest takes pypdf half a minute
        return squeezed(first.extract_text())
    if output_format == "html":
        return squeezed(re.sub(r"<[^>]*>", "", content.decode()))
    book = load_workbook(io.BytesIO(content))
    return squeezed("\n".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row))


def test_what_is_listed_and_counted_is_that_of_the_sections(
    analyzer: Analyzer, whole: Checklist, part: Checklist
) -> None:
    assert [section for section in whole.sections if (section.guideline, section.id) in CHOSEN] != []
    assert {(section.guideline, section.id) for section in part.sections} == CHOSEN
    assert part.counts == tuple(count for count in whole.counts if (count.guideline_id, count.section) in CHOSEN)
    assert part.total.duties == sum(count.duties for count in part.counts)
    controls = analyzer.knowledge.controls

    def chosen(key: str) -> bool:
        return (controls[key].guideline, controls[key].section.id) in CHOSEN

    assert part.left_out == tuple(entry for entry in whole.left_out if chosen(entry.key))
    assert part.requests == tuple(entry for entry in whole.requests if chosen(entry.key))
    assert part.carried_over == tuple(entry for entry in whole.carried_over if chosen(entry.key))
    assert part.uncounted == tuple(entry for entry in whole.uncounted if chosen(entry.key))
    assert part.carried_over
    assert (part.evidence, part.facts, part.head) == (whole.evidence, whole.facts, whole.head)


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_format_says_that_it_is_a_part_and_of_what(whole: Checklist, part: Checklist, output_format: str) -> None:
    said = read(part, output_format)
    assert "これは抜粋である" not in read(whole, output_format)
    assert part.part is not None
    assert squeezed(part.part.notice) in said
    assert f"全{len(whole.counts)}章のうち、次の2章" in said
    assert "6.5技術的安全対策" in said
    assert "合計（抜粋）" in said


def test_the_form_brings_back_which_sections_it_holds(whole: Checklist, part: Checklist) -> None:
    book = load_workbook(io.BytesIO(render_checklist(part, "xlsx")))
    meta = [list(row) for row in book[layout.META_SHEET].iter_rows(values_only=True)]
    (sections,) = [[cell for cell in row[1:] if cell] for row in meta if row[0] == layout.PART]
    assert sections == ["mhlw-5:6.5", "meti-2:2.6.13"]
    first_row, last_row = next((row[3], row[4]) for row in meta if row[0] == "answers")
    keys = [
        key
        for (cell,) in book[layout.FORM_SHEET].iter_rows(
            min_row=int(first_row), max_row=int(last_row), max_col=1, values_only=True
        )
        for key in str(cell).split(layout.LIST_SEPARATOR)
    ]
    duties = {
        (row.key, cell.party.word)
        for section in part.sections
        for row in section.rows
        for cell in (row.user, row.integrator)
        if cell.texts
    }
    assert {key for key, _ in duties} <= set(keys), "a duty shared with a control elsewhere keeps its row"
    assert {key.split(":")[1].rpartition("-")[0] for key in keys} == {"6.5", "2.6.13"}
    whole_meta = load_workbook(io.BytesIO(render_checklist(whole, "xlsx")))[layout.META_SHEET]
    assert layout.PART not in {row[0] for row in whole_meta.iter_rows(values_only=True)}


def test_every_link_inside_the_page_leads_somewhere(part: Checklist) -> None:
    page = render_checklist(part, "html").decode()
    rows = set(re.findall(r'id="((?:mhlw|meti)-[^"]+)"', page))
    assert rows == {row.key for section in part.sections for row in section.rows}
    inside = set(re.findall(r'href="#([^"]+)"', page))
    assert inside <= set(re.findall(r'id="([^"]+)"', page))
    related = [line for section in part.sections for row in section.rows for line in row.related]
    assert any(line.item.applicable and not line.item.listed for line in related), "the case that matters is there"
    for line in related:
        assert line.item.listed == (f'id="{line.item.key}"' in page)


def test_naming_every_section_gives_the_whole(analyzer: Analyzer, assessment: Assessment, whole: Checklist) -> None:
    every = frozenset((count.guideline_id, count.section) for count in whole.counts)
    same = build_checklist(assessment, analyzer.knowledge, analyzer.rulebook, every)
    assert same.part is None
    assert render_checklist(same, "html") == render_checklist(whole, "html")


@pytest.mark.parametrize("sections", [frozenset(), frozenset({("mhlw-5", "99")}), frozenset({("x", "6.5")})])
def test_sections_that_there_are_not_are_refused(
    analyzer: Analyzer, assessment: Assessment, sections: frozenset[SectionKey]
) -> None:
    with pytest.raises(ValueError, match="no such sections"):
        build_checklist(assessment, analyzer.knowledge, analyzer.rulebook, sections)
