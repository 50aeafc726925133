"""The columns of the matrix on screen: their headings, and what a cell shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from analyzer.browse.facets import NOT_USED, ROW_VALUES, FacetCatalogue, FacetId
from analyzer.browse.rows import MatrixRow
from analyzer.browse.selection import Selection
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control
from analyzer.model.vocabulary import PRIORITIES
from analyzer.search.documents import FieldName
from analyzer.search.excerpts import Span
from analyzer.search.index import FieldMatch, Hit

ColumnId = Literal[
    "control",
    "title",
    "vendor",
    "match",
    "level",
    "vendor_conformity",
    "disclosure",
    "evidence_way",
    "responsibility",
    "party",
    "condition",
    "conformity",
    "gaps",
    "section",
    "guideline",
    "mark",
    "requirement",
    "documents",
    "certifications",
    "clauses",
    "note",
]
COLUMNS: tuple[ColumnId, ...] = get_args(ColumnId)
OPTIONAL: Final[frozenset[ColumnId]] = frozenset(
    {
        "evidence_way",
        "condition",
        "section",
        "guideline",
        "mark",
        "requirement",
        "documents",
        "certifications",
        "clauses",
        "note",
    }
)
# Columns that show a facet's values.
FACET_OF: Final[dict[ColumnId, FacetId]] = {
    "vendor": "vendor",
    "level": "level",
    "vendor_conformity": "vendor_conformity",
    "disclosure": "disclosure",
    "evidence_way": "evidence_way",
    "responsibility": "responsibility",
    "party": "party",
    "condition": "condition",
    "conformity": "conformity",
    "section": "section",
    "guideline": "guideline",
}
# Those of them whose words carry a colour of their own.
_TONED: Final[frozenset[ColumnId]] = frozenset(
    {"level", "vendor_conformity", "disclosure", "evidence_way", "responsibility", "party", "conformity"}
)
# What a text in which something was found is called.
_FIELD_HEADINGS: Final[dict[FieldName, str]] = {
    "id": "control",
    "title": "title",
    "requirement": "requirement",
    "duty": "duty",
    "evidence": "expected_evidence",
    "statement": "statement",
    "finding": "finding",
    "agreement": "agreements",
    "clause": "clauses",
    "note": "note",
}
_EXCERPT_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Heading:
    """A column on offer; default: shown unless the reader chose otherwise."""

    id: ColumnId
    text: str
    help: str
    default: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows. detail: a second, lighter line. mark: the sign beside a colour. tone: the word of a closed
    set that decides the colour. spans: character offsets in `text` at which the search matched.
    """

    text: str
    detail: str = ""
    mark: str = ""
    tone: str = ""
    spans: tuple[Span, ...] = ()


class MatrixColumns:
    """Headings and cells for the rows of one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
        self._knowledge = knowledge
        self._rulebook = rulebook
        self._catalogue = FacetCatalogue(knowledge, rulebook)
        self._cells: dict[ColumnId, Callable[[MatrixRow], Cell]] = {
            "control": self._control,
            "title": lambda row: Cell(row.control.title.ja, spans=_spans(row.hit, "title", "ja")),
            "match": self._match,
            "gaps": self._gaps,
            "mark": lambda row: Cell(row.control.mark or ""),
            "requirement": lambda row: Cell(row.control.full_requirement, spans=_requirement_spans(row)),
            "documents": self._documents,
            "certifications": self._certifications,
            "clauses": _clauses,
            "note": lambda row: Cell(row.control.note or "", spans=_spans(row.hit, "note", None)),
        }

    def heading(self, column: ColumnId) -> Heading:
        """What stands above a column."""
        term = self._rulebook.term("column", column)
        return Heading(column, term.ja, term.help, column not in OPTIONAL)

    def offered(self, selection: Selection) -> tuple[Heading, ...]:
        """The columns that have something to say of a selection, in the order to show them."""
        absent: set[ColumnId] = set()
        if not selection.searched:
            absent.add("match")
        if selection.assessment is None:
            absent |= {"conformity", "gaps"}
        if not selection.several_vendors:
            absent.add("vendor")
        return tuple(self.heading(column) for column in COLUMNS if column not in absent)

    def cell(self, row: MatrixRow, column: ColumnId) -> Cell:
        """What a column shows for a row."""
        make = self._cells.get(column)
        return make(row) if make else self._facet_cell(row, column)

    def _facet_cell(self, row: MatrixRow, column: ColumnId) -> Cell:
        facet = FACET_OF[column]
        values = [self._catalogue.values[facet][value] for value in ROW_VALUES[facet](row)]
        text = "、".join(value.label for value in values)
        if len(values) > 1 or column not in _TONED:
            return Cell(text)
        return Cell(text, mark=values[0].mark, tone=values[0].id)

    def _control(self, row: MatrixRow) -> Cell:
        control = row.control
        short_title = self._knowledge.guidelines[control.guideline].short_title
        named = row.hit is not None and any(match.field == "id" for match in row.hit.matches)
        return Cell(control.id, detail=short_title, spans=((0, len(control.id)),) if named else ())

    def _gaps(self, row: MatrixRow) -> Cell:
        """How many gaps of each priority, highest first; its mark and tone are those of the highest."""
        if row.result is None or row.gap_priority is None:
            word = "no_gap" if row.result else NOT_USED
            return Cell(self._rulebook.term("facet_value", word).ja)
        priorities = [gap.priority for gap in row.result.gaps]
        counts = (
            f"{self._rulebook.term('priority', word).ja} {priorities.count(word)}"
            for word in PRIORITIES
            if word in priorities
        )
        mark = self._rulebook.term("priority", row.gap_priority).mark
        return Cell("、".join(counts), mark=mark, tone=row.gap_priority)

    def _documents(self, row: MatrixRow) -> Cell:
        known = self._knowledge.vendors.get(row.vendor or "")
        titles = {number: document.title for number, document in known.documents.items()} if known else {}
        numbers = row.response.documents if row.response else ()
        return Cell("\n".join(f"[{number}] {titles.get(number) or ''}".rstrip() for number in numbers))

    def _certifications(self, row: MatrixRow) -> Cell:
        known = self._knowledge.vendors.get(row.vendor or "")
        held = known.certifications if known else {}
        ids = row.response.certifications if row.response else ()
        return Cell("\n".join(held[item].title if item in held else item for item in ids))

    def _match(self, row: MatrixRow) -> Cell:
        """The best match beside the id and the title, which show theirs themselves."""
        matches = row.hit.matches if row.hit else ()
        best = next((match for match in matches if match.field != "id" and not _is_title(match)), None)
        if best is None:
            return Cell("")
        shown = best.excerpt(_EXCERPT_WIDTH)
        heading = self._rulebook.term("column", _FIELD_HEADINGS[best.field]).ja
        return Cell(shown.text, detail=heading, spans=shown.spans)


def _is_title(match: FieldMatch) -> bool:
    return match.field == "title" and match.source == "ja"


def _spans(hit: Hit | None, field: FieldName, source: str | None) -> tuple[Span, ...]:
    """Where a text of a control matched."""
    matches: Iterable[FieldMatch] = hit.matches if hit else ()
    return next((match.spans for match in matches if (match.field, match.source) == (field, source)), ())


def _requirement_spans(row: MatrixRow) -> tuple[Span, ...]:
    """Where the whole requirement matched: its lead-in, and its points, each behind its number."""
    if row.hit is None:
        return ()
    control: Control = row.control
    found = list(_spans(row.hit, "requirement", None))
    start = len(control.requirement)
    for point in control.points:
        start += len(f"\n({point.id}) ")
        found += [(start + first, start + last) for first, last in _spans(row.hit, "requirement", point.id)]
        start += len(point.text)
    return tuple(found)


def _clauses(row: MatrixRow) -> Cell:
    """The ids of the clauses, one a line; those that were searched for by id are highlighted."""
    named = {match.text for match in row.hit.matches if match.field == "clause"} if row.hit else set()
    spans: list[Span] = []
    start = 0
    ids = [cited.id for cited in row.control.mic.clauses] if row.control.mic else []
    for identity in ids:
        if identity in named:
            spans.append((start, start + len(identity)))
        start += len(identity) + 1
    return Cell("\n".join(ids), spans=tuple(spans))
