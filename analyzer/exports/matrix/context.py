"""What the sheets of the control matrix share: the data, the book, and where each thing stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import cast

from openpyxl.worksheet.worksheet import Worksheet

from analyzer.engine.interpreter import first_hit
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.related import Related, related_controls
from analyzer.exports.wording import service_name
from analyzer.exports.xlsx.book import Book, Link
from analyzer.exports.xlsx.looks import HEADING, NOTE
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Certification, Document, Guideline
from analyzer.model.controls import Control
from analyzer.model.results import Assessment, ControlResult
from analyzer.model.vocabulary import Responsibility

COVER, LEGEND, SUMMARY, GAPS, LEFT_OUT = "表紙", "凡例", "集計", "ギャップ一覧", "適用宣言"
PROFILE, OWN_EVIDENCE, RULES = "機関情報", "機関の証跡", "判定規則"
CLAUSES, REGISTER, RESPONSIBILITY = "MIC要求事項", "証跡台帳", "責任分界集計"
BY_CONTROL, BY_REFERENCE = "対応表（項目順）", "対応表（参照先順）"

# Every sheet with one long table: its title, two notes, groups of columns (or nothing), headings, then data from here.
GROUP_ROW, HEADER_ROW, FIRST_ROW = 4, 5, 6


def content_day(knowledge: KnowledgeBase, assessment: Assessment | None) -> date:
    """The day of the file's content: the assessment's, else the latest survey's."""
    if assessment is not None:
        return assessment.as_of
    surveys = (vendor.survey.surveyed_on for vendor in knowledge.vendors.values())
    return max(surveys, default=date(2000, 1, 1))


@dataclass(frozen=True)
class Context:
    """One workbook in the making. `sheets` are by the names above; those of guidelines by the guideline's id."""

    knowledge: KnowledgeBase
    rulebook: Rulebook
    assessment: Assessment | None
    book: Book
    sheets: dict[str, Worksheet]

    def word(self, of: str, word: str) -> str:
        """The Japanese word alone."""
        return self.rulebook.term(of, word).ja

    def label(self, of: str, word: str) -> str:
        """Mark and word."""
        return self.book.label(of, word)

    @cached_property
    def footer(self) -> str:
        """What the foot of every page says."""
        version = f"知識ベース {self.knowledge.version}"
        return f"{version}　基準日 {self.assessment.as_of}" if self.assessment else version

    @cached_property
    def header(self) -> str:
        """What the head of every page says."""
        title = "医療情報ガイドライン 管理策マトリクス"
        return f"{title}　{self.assessment.institution.name}" if self.assessment else title

    @cached_property
    def vendors(self) -> tuple[str, ...]:
        """Every vendor with a register or an answer, registers first."""
        answering = (vendor for control in self.knowledge.controls.values() for vendor in control.responses)
        return tuple(dict.fromkeys((*self.knowledge.vendors, *answering)))

    def vendor_name(self, vendor: str | None) -> str:
        """What people call the vendor's service."""
        return service_name(vendor, self.knowledge)

    @cached_property
    def by_guideline(self) -> dict[str, tuple[Control, ...]]:
        """The controls of each encoded guideline, in order."""
        return {
            guideline.id: tuple(item for item in self.knowledge.controls.values() if item.guideline == guideline.id)
            for guideline in self.knowledge.encoded_guidelines
        }

    @cached_property
    def results(self) -> dict[str, tuple[ControlResult, ...]]:
        """An assessment's results by control, one a service."""
        found: dict[str, list[ControlResult]] = {}
        for result in self.assessment.results if self.assessment else ():
            found.setdefault(result.control.key, []).append(result)
        return {key: tuple(results) for key, results in found.items()}

    @cached_property
    def related(self) -> dict[str, tuple[Related, ...]]:
        """For each control those of other guidelines that are related to it."""
        return {key: related_controls(key, self.knowledge) for key in self.knowledge.controls}

    @cached_property
    def control_rows(self) -> dict[str, int]:
        """For each control the row of its guideline's sheet."""
        return {
            control.key: row
            for controls in self.by_guideline.values()
            for row, control in enumerate(controls, FIRST_ROW)
        }

    @cached_property
    def clause_rows(self) -> dict[str, int]:
        """For each MIC clause its row."""
        return {clause: row for row, clause in enumerate(self.knowledge.clauses, FIRST_ROW)}

    @cached_property
    def register(self) -> tuple[tuple[str, Document | Certification | None], ...]:
        """The lines of the evidence register: for each vendor its survey (None), documents and certifications."""
        return tuple(
            (vendor.id, item)
            for vendor in self.knowledge.vendors.values()
            for item in (None, *vendor.documents.values(), *vendor.certifications.values())
        )

    @cached_property
    def register_rows(self) -> dict[tuple[str, str], int]:
        """For each (vendor, document number or certification id) its row."""
        return {
            (vendor, item.number if isinstance(item, Document) else item.id): row
            for row, (vendor, item) in enumerate(self.register, FIRST_ROW)
            if item is not None
        }

    def control_link(self, key: str, shown: str | None = None) -> Link:
        """The control's id or a short text, leading to its row."""
        control = self.knowledge.controls[key]
        return Link(shown or control.id, self.sheets[control.guideline].title, f"A{self.control_rows[key]}")

    def control_name(self, control: Control) -> str:
        """What a control is called on the sheet of another guideline."""
        return f"{control.id} {control.title.ja}（{self.knowledge.guidelines[control.guideline].short_title}）"

    def clause_link(self, clause: str, shown: str) -> Link | str:
        """A short text that leads to the clause's row, where the catalogue has it."""
        row = self.clause_rows.get(clause)
        return Link(shown, self.sheets[CLAUSES].title, f"A{row}") if row else shown

    def register_link(self, vendor: str, item: str, shown: str) -> Link | str:
        """A short text that leads to the row of a document or certification, where the register has it."""
        row = self.register_rows.get((vendor, item))
        return Link(shown, self.sheets[REGISTER].title, f"A{row}") if row else shown

    def document_text(self, vendor: str, number: str) -> str:
        """`[05] 題名`, with how sure the title is unless the source prints it."""
        known = self.knowledge.vendors.get(vendor)
        document = known.documents.get(number) if known else None
        if document is None or document.title is None:
            return f"[{number}] 題名{self.word('title_known', 'unknown')}"
        sure = "" if document.title_known == "stated" else f"（題名は{self.word('title_known', document.title_known)}）"
        return f"[{number}] {document.title}{sure}"

    def certification_text(self, vendor: str, identity: str) -> str:
        """The certification with its number, and from when on its edition no longer holds."""
        known = self.knowledge.vendors.get(vendor)
        held = known.certifications.get(identity) if known else None
        if held is None:
            return identity
        gone = f"。この版は{held.edition_withdrawn_on}に失効" if held.edition_withdrawn_on else ""
        return f"{held.title}（登録番号 {held.number}{gone}）"

    def stated_responsibility(self, control: Control, vendor: str) -> Responsibility:
        """Who has to act, by the source alone: the vendor's answer and the duties written beside it."""
        response = control.responses.get(vendor)
        rule = first_hit(
            self.rulebook.tables["responsibility"],
            {
                "vendor_answer": response.conformity if response else "no_answer",
                "duties": "stated" if response and response.duties else "unstated",
            },
        )
        return cast(Responsibility, rule.then["responsibility"])

    def edition(self, guideline: Guideline) -> str:
        """Title and edition."""
        parts = (guideline.title.ja, guideline.edition, f"（{guideline.issuer.ja}、{guideline.published}）")
        return " ".join(part for part in parts if part)

    def edition_warning(self, guideline: Guideline) -> str:
        """What a reader must know of the edition; empty where it is in force."""
        return "" if guideline.in_force else f"【旧版】{guideline.status_note}"

    def survey_line(self, vendor: str) -> str:
        """Whose answers these are and of what day."""
        known = self.knowledge.vendors.get(vendor)
        if known is None:
            return f"{vendor}：調査の登録なし"
        survey = known.survey
        return (
            f"{known.name.ja}の回答は「{survey.title}」{survey.edition}（調査 {survey.surveyor}）による。"
            f"調査日は遅くとも{survey.surveyed_on}（{self.word('title_known', survey.surveyed_on_basis)}）"
        )

    def heading(self, name: str, title: str, *notes: str) -> Worksheet:
        """A sheet's first rows: its title, and at most two notes on it. Returns the sheet."""
        sheet = self.sheets[name]
        self.book.put(sheet, 1, 1, title, HEADING)
        sheet.row_dimensions[1].height = 22
        for row, note in enumerate((note for note in notes if note), 2):
            self.book.put(sheet, row, 1, note, NOTE)
        return sheet
