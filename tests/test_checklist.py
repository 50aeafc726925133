"""The responsibility checklist: what was answered is in every file, counts are right, the form locks and offers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache, lru_cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from pypdf import PdfReader

from analyzer.engine.analysis import Analyzer
from analyzer.engine.rulebook import shipped_rulebook
from analyzer.exports.checklist import layout
from analyzer.exports.checklist.content import build_checklist, render_checklist
from analyzer.exports.checklist.model import Checklist
from analyzer.exports.checklist.print_font import print_characters
from analyzer.exports.wording import CARRIED_OVER
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.controls import Place
from analyzer.model.institution import Answer, Evidence, Institution, Review, Service
from analyzer.model.vocabulary import PARTIES, Status
from analyzer.resources import evidence_dir, templates_dir

AS_OF = date(2026, 11, 1)
FORMATS = ("xlsx", "html", "pdf")
NOWHERE = Place("test", ())
GIVEN: tuple[Status, ...] = ("implemented", "partial", "planned", "not_implemented", "not_applicable")
FORMS = (layout.ANSWERS, layout.EVIDENCE, layout.SERVICES, layout.REVIEWS, layout.FACTS)
DATA = Path(__file__).parent / "data"
HOSTILE = (
    '=HYPERLINK("http://x.invalid","押す")',
    "+1+cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '#panic("x") *太字* $a^2$ @ref <label> // 注釈 \\ `raw`',
    '"]; #read("/etc/hostname") [',
    "鈴\a\x00逆\u202eさ\u2028終",
    "{{ 7*7 }}{% raw %}",
)

# -- institutions -----------------------------------------------------------------------------------------------------


@cache
def analyzer(second_vendor: bool = False) -> Analyzer:
    return Analyzer(load_knowledge([DATA / "second-vendor"] if second_vendor else []))


@cache
def brief(second_vendor: bool = False) -> Analyzer:
    """An analyzer of few controls, for what does not depend on how many there are."""
    knowledge = analyzer(second_vendor).knowledge
    kept = {key: control for key, control in knowledge.controls.items() if control.section.id in {"6.1", "6.4"}}
    kept |= {key: control for key, control in knowledge.controls.items() if key in {"mhlw-5:6.5-01", "mhlw-5:6.5-12"}}
    return Analyzer(replace(knowledge, controls=kept))


def checklist_of(institution: Institution, engine: Analyzer | None = None) -> Checklist:
    engine = engine or analyzer()
    answers = {key: answer for key, answer in institution.answers.items() if key[0] in engine.knowledge.controls}
    assessment = engine.analyze(replace(institution, answers=answers), AS_OF)
    return build_checklist(assessment, engine.knowledge, engine.rulebook)


def empty() -> Institution:
    return Institution(
        id="empty",
        name="空の診療所",
        kind="clinic",
        beds=None,
        staff=None,
        region=None,
        fictional=True,
        facts={},
        integrator_presence="unknown",
        integrator=None,
        services=(),
        answers={},
        evidence={},
        place=NOWHERE,
    )


def days() -> Iterator[date]:
    """Days that differ from each other, all before AS_OF."""
    return (date(2000, 1, 1) + timedelta(days=17 * number) for number in range(100_000))


@cache
def full() -> Institution:
    """Every field of every answer, piece of evidence, service and review filled, each with a text of its own."""
    knowledge = analyzer().knowledge
    unique = days()
    duties = [
        (key, party)
        for key, control in knowledge.controls.items()
        for party in PARTIES
        if party in control.responses["cybozu.com"].duty_parties
    ]
    without_duty = next(
        (key, "integrator")
        for key, control in knowledge.controls.items()
        if control.responses["cybozu.com"].duty_parties == {"user"}
    )
    evidence = {
        f"e{number}": Evidence(
            id=f"e{number}",
            title=f"題{number:04}号",
            kind=kind,
            issued_on=next(unique),
            valid_until=next(unique) + timedelta(days=10_000),
            covers_from=next(unique),
            covers_to=next(unique),
            location=f"棚{number:04}番",
            note=f"覚{number:04}書",
        )
        for number, kind in enumerate(shipped_rulebook().terms["evidence_kind"])
    }
    answers = {}
    for number, (key, party) in enumerate([*duties, without_duty]):
        answers[key, party] = Answer(
            control=key,
            party=party,
            status=GIVEN[number % len(GIVEN)],
            reason=f"訳{number:04}由",
            evidence=(f"e{number % len(evidence)}", f"e{(number + 1) % len(evidence)}"),
            # One answer lies after the day of the assessment.
            checked_on=next(unique) if number != 3 else AS_OF + timedelta(days=7),
            due=next(unique),
            owner=f"担{number:04}者",
            note=f"備{number:04}考\n二行{number:04}目",
            carried_over=number % 7 == 0,
            place=NOWHERE,
        )
    return replace(
        empty(),
        id="full-hospital",
        name="満載病院",
        kind="hospital",
        beds=4321,
        staff=8765,
        region="架空県満載市",
        facts={"uses_wireless_lan": False, "uses_id_password": True},
        integrator_presence="present",
        integrator="架空統合社",
        services=(
            Service(
                vendor="cybozu.com",
                used_for="用途はこれ",
                nda_concluded_on=date(2019, 8, 9),
                reviews=(
                    Review("nda", date(2026, 3, 5), ("mhlw-5:6.3", "mhlw-5:6.5"), "閲覧した人", "閲覧の覚え"),
                    Review("public", date(2026, 4, 6), (), "公開を見た人", "公開の覚え"),
                ),
            ),
        ),
        answers=answers,
        evidence=evidence,
    )


def hostile(text: str) -> Institution:
    """The text in every place that takes one."""
    answers = {
        key: replace(answer, reason=text, owner=text, note=text) for key, answer in list(full().answers.items())[:6]
    }
    evidence = {key: replace(item, title=text, location=text, note=text) for key, item in full().evidence.items()}
    review = Review("public", date(2026, 4, 6), (), text, text)
    return replace(
        full(),
        name=text,
        region=text,
        integrator=text,
        services=(Service("cybozu.com", text, None, (review,)),),
        answers=answers,
        evidence=evidence,
    )


@cache
def rendered(output_format: str) -> bytes:
    """The full institution's checklist."""
    return render_checklist(checklist_of(full()), output_format)


def stated(institution: Institution) -> set[str]:
    """Every text and day that the institution gave, white space removed."""
    found: set[object] = {institution.name, institution.id, institution.beds, institution.staff, institution.region}
    found.add(institution.integrator)
    for service in institution.services:
        found |= {service.used_for, service.nda_concluded_on}
        for review in service.reviews:
            found |= {review.reviewed_on, review.by, review.note}
            found |= {section.partition(":")[2] for section in review.sections}
    for answer in institution.answers.values():
        found |= {answer.reason, answer.checked_on, answer.due, answer.owner, *str(answer.note).split("\n")}
        found |= set(answer.evidence)
    for item in institution.evidence.values():
        found |= {item.id, item.title, item.issued_on, item.valid_until, item.covers_from, item.covers_to}
        found |= {item.location, item.note}
    return {squeezed(str(value)) for value in found}


# -- reading the files ------------------------------------------------------------------------------------------------


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", text)


def workbook(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def cell_texts(book: Workbook) -> list[str]:
    values = [cell.value for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    return [value.date().isoformat() if hasattr(value, "date") else str(value) for value in values if value is not None]


class Page(HTMLParser):
    """The text of a page and its elements."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.text: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(content.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@lru_cache(maxsize=8)
def read_text(content: bytes, output_format: str) -> str:
    """All that a file says, white space removed."""
    if output_format == "html":
        return squeezed("".join(Page(content).text))
    if output_format == "pdf":
        return squeezed("".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))
    return squeezed("\n".join(cell_texts(workbook(content))))


def tables(book: Workbook) -> dict[str, tuple[Worksheet, int, int, list[str]]]:
    """The tables to fill in as the hidden sheet names them: sheet, first row, last row, fields."""
    rows = list(book[layout.META_SHEET].iter_rows(values_only=True))
    start = next(number for number, row in enumerate(rows) if row[0] == layout.TABLES_MARK)
    return {
        row[0]: (book[row[1]], int(row[3]), int(row[4]), [name for name in row[5:] if name])
        for row in rows[start + 1 :]
    }


def filled_in(book: Workbook, name: str) -> list[dict[str, object]]:
    sheet, first, last, fields = tables(book)[name]
    rows = sheet.iter_rows(min_row=first, max_row=last, max_col=len(fields), values_only=True)
    return [dict(zip(fields, row, strict=True)) for row in rows]


# -- nothing is missing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", FORMATS)
def test_all_that_was_answered_is_in_the_file(output_format: str) -> None:
    text = read_text(rendered(output_format), output_format)
    assert {value for value in stated(full()) if value not in text} == set()


def test_each_answer_stands_in_its_own_row_of_the_form_with_every_field() -> None:
    rows = {(row["control"], row["party"]): row for row in filled_in(workbook(rendered("xlsx")), "answers")}
    status = shipped_rulebook().terms["status"]
    for key, answer in full().answers.items():
        row = rows[key]
        assert row["status"] == status[answer.status].ja
        assert row["reason"] == answer.reason
        assert row["evidence"] == ", ".join(answer.evidence)
        assert row["checked_on"].date() == answer.checked_on
        assert row["due"].date() == answer.due
        assert (row["owner"], row["note"]) == (answer.owner, answer.note)
        assert row["carried_over"] == (CARRIED_OVER if answer.carried_over else None)


def test_the_other_tables_of_the_workbook_hold_every_field() -> None:
    book = workbook(rendered("xlsx"))
    evidence = {row["id"]: row for row in filled_in(book, "evidence") if row["id"]}
    kinds = shipped_rulebook().terms["evidence_kind"]
    for item in full().evidence.values():
        row = evidence[item.id]
        assert (row["title"], row["kind"]) == (item.title, kinds[item.kind].ja)
        assert (row["location"], row["note"]) == (item.location, item.note)
        for name in ("issued_on", "valid_until", "covers_from", "covers_to"):
            assert row[name].date() == getattr(item, name)
    reviews = [row for row in filled_in(book, "reviews") if row["vendor"]]
    assert [(row["documents"], row["sections"], row["by"], row["note"]) for row in reviews] == [
        ("要NDA", "mhlw-5:6.3, mhlw-5:6.5", "閲覧した人", "閲覧の覚え"),
        ("公開文書", None, "公開を見た人", "公開の覚え"),
    ]
    service = filled_in(book, "services")[0]
    assert (service["vendor"], service["used_for"]) == ("cybozu.com", "用途はこれ")
    facts = {row["fact"]: row["answer"] for row in filled_in(book, "facts")}
    assert facts["uses_wireless_lan"] == "いいえ"
    assert facts["uses_id_password"] == "はい"
    assert facts["uses_iot_devices"] is None


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_file_says_version_day_old_edition_and_day_of_the_survey(output_format: str) -> None:
    text = read_text(rendered(output_format), output_format)
    knowledge = analyzer().knowledge
    assert knowledge.version in text
    assert AS_OF.isoformat() in text
    for guideline in knowledge.encoded_guidelines:
        assert squeezed(guideline.status_note) in text
    assert knowledge.vendors["cybozu.com"].survey.surveyed_on.isoformat() in text


@pytest.mark.parametrize("output_format", FORMATS)
def test_carried_over_answers_show_as_such(output_format: str) -> None:
    # In a workbook the word is a choice of a drop-down too; only cells count here.
    carried = sum(answer.carried_over for answer in full().answers.values())
    assert read_text(rendered(output_format), output_format).count(CARRIED_OVER) >= carried > 0


def test_answers_that_decide_nothing_say_why() -> None:
    why = {(entry.key, entry.answer.party.word): entry.why for entry in checklist_of(full()).uncounted}
    knowledge, answers = analyzer().knowledge, full().answers
    for (key, party), answer in answers.items():
        control = knowledge.controls[key]
        if answer.checked_on is not None and answer.checked_on > AS_OF:
            assert "2026-11-01" in why.pop((key, party))
        elif party not in control.responses["cybozu.com"].duty_parties:
            assert "対応が書かれていない" in why.pop((key, party))
        elif control.applies_if in {"uses_wireless_lan", "uses_several_access_points"}:
            assert "適用除外" in why.pop((key, party))
    assert why == {}


# -- counts -----------------------------------------------------------------------------------------------------------


def test_the_counts_of_every_section_add_up_to_what_the_engine_says() -> None:
    assessment = analyzer().analyze(full(), AS_OF)
    checklist = checklist_of(full())
    assert len(checklist.counts) == len(assessment.summary.by_section)
    for count, tally in zip(checklist.counts, assessment.summary.by_section.values(), strict=True):
        assert count.controls == tally.controls
        assert count.left_out + count.vendor + count.shared + count.user_side + count.none_stated == count.controls
        assert count.conformity == tally.conformity
    total, statuses = checklist.total, assessment.summary.duties_by_party
    assert total.done == sum(by_status["implemented"] for by_status in statuses.values())
    assert total.unanswered == sum(by_status["unanswered"] for by_status in statuses.values())
    assert total.duties == sum(sum(by_status.values()) for by_status in statuses.values())
    assert total.recheck == assessment.summary.carried_over
    assert total.controls == sum(len(section.rows) for section in checklist.sections) + total.left_out


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_counts_come_before_the_controls(output_format: str) -> None:
    text = read_text(rendered(output_format), output_format)
    total = checklist_of(full()).total
    # Nothing but the numbers stands between the word and the last of them.
    numbers = [total.controls, total.left_out, total.vendor, total.shared, total.user_side, total.none_stated]
    row = "合計" + "".join(str(number) for number in [*numbers, total.duties, total.done])
    assert 0 < text.index(row) < text.index(squeezed(checklist_of(full()).sections[0].rows[0].requirement))


def test_a_control_left_out_is_in_the_statement_with_its_reason_and_not_among_the_controls() -> None:
    checklist = checklist_of(full())
    reasons = {entry.key: entry.reason for entry in checklist.left_out}
    left_out = [c for c in analyzer().knowledge.controls.values() if c.applies_if == "uses_wireless_lan"]
    shown = {row.key for section in checklist.sections for row in section.rows}
    assert left_out
    for control in left_out:
        assert "無線LANを利用する" in reasons[control.key] and "いいえ" in reasons[control.key]
        assert control.key not in shown


def test_what_is_declared_not_applicable_is_left_out_with_the_reason_given() -> None:
    controls = analyzer().knowledge.controls.values()
    alone = next(c.key for c in controls if c.responses["cybozu.com"].conformity == "out_of_scope")
    shared = next(c.key for c in controls if c.responses["cybozu.com"].conformity == "conformable")
    declared = {
        key: replace(answer, status="not_applicable", reason=f"宣言の訳{number}", checked_on=None)
        for number, (key, answer) in enumerate(full().answers.items())
        if key[0] in {alone, shared}
    }
    left_out = checklist_of(replace(full(), answers=declared)).left_out
    said = {(entry.key, entry.scope): entry.reason for entry in left_out}
    party = shipped_rulebook().terms["party"]
    for (key, who), answer in declared.items():
        if key == alone:
            assert str(answer.reason) in said[key, "項目全体"]
        else:
            assert said[key, f"{party[who].ja}の対応"] == answer.reason


@pytest.mark.parametrize("output_format", FORMATS)
def test_lapsing_evidence_and_open_questions_come_with_what_hangs_on_them(output_format: str) -> None:
    path = evidence_dir() / "institutions" / "minato-general-hospital.yaml"
    hospital, _ = load_institution(path, analyzer().knowledge)
    assert [item.id for item in checklist_of(hospital).lapsing] == [
        entry.evidence.id for entry in analyzer().analyze(hospital, AS_OF).summary.expiring
    ]
    checklist = checklist_of(hospital, brief())
    text = read_text(render_checklist(checklist, output_format), output_format)
    assert checklist.lapsing
    for item in checklist.lapsing:
        assert squeezed(item.title) in text and squeezed(item.state) in text
    for fact in checklist.facts:
        assert squeezed(fact.question) in text


# -- the form ---------------------------------------------------------------------------------------------------------


def test_the_form_has_one_row_for_each_duty_that_applies_with_hidden_ids() -> None:
    book = workbook(rendered("xlsx"))
    sheet, _, _, fields = tables(book)["answers"]
    keys = [(row["control"], row["party"]) for row in filled_in(book, "answers")]
    assert len(keys) == len(set(keys))
    results = analyzer().analyze(full(), AS_OF).results
    applicable = [result for result in results if result.applicability == "applicable"]
    expected = {(result.control.key, duty.party) for result in applicable for duty in result.duties}
    assert set(keys) == expected | set(full().answers)
    assert [sheet.column_dimensions[letter].hidden for letter in "AB"] == [True, True]
    assert fields[:2] == ["control", "party"]


def test_the_hidden_sheet_tells_whose_checklist_it_is_and_what_it_was_made_from() -> None:
    book = workbook(rendered("xlsx"))
    meta = book[layout.META_SHEET]
    assert meta.sheet_state == "veryHidden"
    said = {row[0]: row[1] for row in meta.iter_rows(min_row=1, max_row=4, values_only=True)}
    assert said == {
        "format": layout.FORMAT,
        "institution_id": "full-hospital",
        "as_of": "2026-11-01",
        "knowledge_version": analyzer().knowledge.version,
    }
    for (sheet, first, _, fields), form in zip(tables(book).values(), FORMS, strict=True):
        assert fields == [field.name for field in form]
        assert [sheet.cell(first - 1, column).value for column in range(1, len(form) + 1)] == [
            field.header for field in form
        ]


def test_only_the_cells_to_fill_in_are_open() -> None:
    book = workbook(rendered("xlsx"))
    open_cells = set()
    for (sheet, first, last, _), form in zip(tables(book).values(), FORMS, strict=True):
        for column, field in enumerate(form, 1):
            if field.input:
                open_cells |= {(sheet.title, row, column) for row in range(first, last + 1)}
    for sheet in book.worksheets:
        assert sheet.protection.sheet and sheet.protection.password is None
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.protection.locked == ((sheet.title, cell.row, cell.column) not in open_cells), cell


def test_the_form_offers_the_words_and_checks_the_days() -> None:
    book = workbook(rendered("xlsx"))
    terms = shipped_rulebook().terms
    offered: dict[tuple[str, str], str] = {}
    for name, (sheet, first, last, fields) in tables(book).items():
        for number, field in enumerate(fields, 1):
            for rule in sheet.data_validations.dataValidation:
                if all(sheet.cell(row, number).coordinate in rule.sqref for row in (first, last)):
                    offered[name, field] = rule.formula1 if rule.type == "list" else rule.type
    assert offered["answers", "status"] == '"' + ",".join(terms["status"][word].ja for word in GIVEN) + '"'
    assert offered["evidence", "kind"] == '"' + ",".join(term.ja for term in terms["evidence_kind"].values()) + '"'
    assert offered["reviews", "documents"] == '"公開文書,要NDA"'
    assert offered["reviews", "vendor"] == '"cybozu.com"'
    assert offered["answers", "carried_over"] == f'"{CARRIED_OVER},{layout.CONFIRMED}"'
    dated = {
        ("answers", "checked_on"),
        ("answers", "due"),
        ("reviews", "reviewed_on"),
        ("services", "nda_concluded_on"),
    }
    dated |= {("evidence", name) for name in ("issued_on", "valid_until", "covers_from", "covers_to")}
    assert {key for key, kind in offered.items() if kind == "date"} == dated


def test_the_workbook_prints_on_a4_across_with_its_headings_on_every_page() -> None:
    book = workbook(rendered("xlsx"))
    for sheet in book.worksheets:
        if sheet.title != layout.META_SHEET:
            assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
            assert analyzer().knowledge.version in sheet.oddFooter.left.text
    for name in (layout.FORM_SHEET, layout.DIVISION_SHEET, layout.EVIDENCE_SHEET, layout.REQUEST_SHEET):
        assert book[name].print_title_rows is not None


# -- hostile texts, odd institutions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    checklist = checklist_of(hostile(text), brief())
    book = workbook(render_checklist(checklist, "xlsx"))
    assert not [c for sheet in book.worksheets for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    page = Page(render_checklist(checklist, "html"))
    assert {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object", "form", "input"} == set()
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert all((attrs.get("href") or "").startswith(("#", "https://")) for tag, attrs in page.elements if tag == "a")
    printed = read_text(render_checklist(checklist, "pdf"), "pdf")
    for found in ("".join(page.text), "\n".join(cell_texts(book)), printed):
        assert not set("\x00\a\u202e\u2028") & set(found)
        for part in re.split(r"[\x00\a\u202e\u2028]", text):
            assert squeezed(part) in squeezed(found)


def test_what_the_font_cannot_draw_is_shown_by_its_number_and_nothing_is_lost() -> None:
    odd = replace(full(), region="𠮷田か\u3099町😀", integrator="髙﨑社")
    text = read_text(render_checklist(checklist_of(odd, brief()), "pdf"), "pdf")
    assert "〔U+20BB7〕田が町〔U+1F600〕" in text
    assert "髙﨑社" in text


@pytest.mark.parametrize("name", ["checklist.typ", "gap"])
def test_the_font_draws_every_character_of_the_template_and_of_the_words(name: str) -> None:
    if name == "gap":
        text = "".join(term.ja + term.mark for terms in shipped_rulebook().terms.values() for term in terms.values())
    else:
        text = (templates_dir() / "templates" / name).read_text("utf-8")
    assert {ch for ch in text if ch != "\n" and ord(ch) not in print_characters()} == set()


def test_a_very_long_text_is_whole_on_the_pages_and_cut_with_a_mark_in_a_cell() -> None:
    long = "長" * 40_000
    key = next(iter(full().answers))
    answers = {key: replace(full().answers[key], note=long)}
    checklist = checklist_of(replace(full(), answers=answers), brief())
    assert long in read_text(render_checklist(checklist, "html"), "html")
    assert read_text(render_checklist(checklist, "pdf"), "pdf").count("長") >= 40_000
    note = filled_in(workbook(render_checklist(checklist, "xlsx")), "answers")
    assert any(re.search(r"長…（以下\d+文字省略）\Z", str(row["note"])) for row in note)


@pytest.mark.parametrize("output_format", FORMATS)
def test_an_institution_without_answers_or_services_gets_its_checklist(output_format: str) -> None:
    checklist = checklist_of(empty(), brief())
    text = read_text(render_checklist(checklist, output_format), output_format)
    assert "空の診療所" in text
    assert checklist.total.duties == checklist.total.done == 0
    assert checklist.total.none_stated == checklist.total.controls > 0
    assert all(squeezed(fact.question) in text for fact in checklist.open_facts)


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_duties_of_an_absent_si_vendor_are_the_institutions_and_its_answers_are_kept(output_format: str) -> None:
    alone = replace(full(), integrator_presence="absent", integrator=None)
    checklist = checklist_of(alone, brief())
    assert {row.integrator.texts for section in checklist.sections for row in section.rows} == {()}
    text = read_text(render_checklist(checklist, output_format), output_format)
    assert "SI事業者に求められる対応も含む" in text
    for answer in (answer for key, answer in alone.answers.items() if key[0] in brief().knowledge.controls):
        assert squeezed(answer.note or "")[:6] in text


@pytest.mark.parametrize("output_format", FORMATS)
def test_two_services_are_told_apart(output_format: str) -> None:
    both = replace(full(), services=(*full().services, Service("example-cloud", None, None, ())))
    checklist = checklist_of(both, brief(second_vendor=True))
    names = [vendor.name for vendor in checklist.sections[-1].rows[0].vendors]
    assert len(set(names)) == 2
    text = read_text(render_checklist(checklist, output_format), output_format)
    assert all(squeezed(name) in text for name in names)
    assert checklist.total.controls == 2 * len(brief().knowledge.controls)


# -- the files themselves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_same_checklist_gives_the_same_bytes(output_format: str) -> None:
    assert render_checklist(checklist_of(full()), output_format) == rendered(output_format)


def test_the_pdf_is_a4_with_numbered_pages_and_only_the_japanese_font_inside() -> None:
    reader = PdfReader(io.BytesIO(render_checklist(checklist_of(full(), brief()), "pdf")))
    count = len(reader.pages)
    fonts = set()
    for number, page in enumerate(reader.pages, 1):
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (842, 595)
        assert f"{number}/{count}" in squeezed(page.extract_text())
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            fonts.add(inner["/BaseFont"].partition("+")[2])
            descriptor = inner["/FontDescriptor"].get_object()
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
    assert fonts == {"IPAexGothic"}
    assert "満載病院" in reader.metadata.title


def test_the_html_loads_nothing_and_is_marked_up_for_readers() -> None:
    page = Page(rendered("html"))
    tags = [tag for tag, _ in page.elements]
    assert ("html", {"lang": "ja"}) in page.elements
    assert tags.count("h1") == 1
    assert all("src" not in attrs for _, attrs in page.elements) and "link" not in tags
    assert all("scope" in attrs for tag, attrs in page.elements if tag == "th")
    links = [attrs["href"][1:] for tag, attrs in page.elements if tag == "a" and (attrs["href"] or "")[:1] == "#"]
    assert set(links) <= {attrs["id"] for _, attrs in page.elements if "id" in attrs}


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="docx"):
        render_checklist(checklist_of(empty()), "docx")
