"""The responsibility checklist on the screen, as fragments of HTML: counts, sections with how far each is, duties."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Final

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist.context import SectionKey
from analyzer.exports.checklist.model import Checklist, Count, LeftOut, PartyCell, Row
from analyzer.exports.screens.gaps import Href
from analyzer.exports.templating import render_html
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import PARTIES, STATUSES, GapParty

EVERY_SECTION: Final = "all"
"""What stands in the address for all sections."""


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: one section (None: all of them) and one party's part (None: everybody's)."""

    section: SectionKey | None
    party: GapParty | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far duties are: how many there are of each status, and of how many the day set for them has passed.

    requests counts the controls over which something is to be settled with a cloud vendor.
    """

    statuses: Mapping[str, int]
    overdue: int
    requests: int

    @property
    def total(self) -> int:
        """All duties."""
        return sum(self.statuses.values())

    @property
    def done(self) -> int:
        """Those that leave nothing to do: implemented, or not applicable."""
        return self.statuses["implemented"] + self.statuses["not_applicable"]


@dataclass(frozen=True, slots=True)
class SectionPart:
    """A section with the rows that a view shows of it, its counts, and what is left out of it."""

    key: SectionKey
    guideline_title: str
    count: Count
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    progress: Progress


@dataclass(frozen=True)
class ChecklistScreen:
    """A checklist as the screen shows it; made once, drawn for any view."""

    checklist: Checklist
    knowledge: KnowledgeBase
    rulebook: Rulebook

    @property
    def sections(self) -> tuple[SectionKey, ...]:
        """Every section, in order."""
        return tuple(self._counts)

    def section_name(self, key: SectionKey) -> str:
        """`6.3 組織的安全管理対策`."""
        count = self._counts[key]
        return f"{count.section} {count.title}"

    def section_of(self, text: str) -> SectionKey | None:
        """The section that a text of an address names (`mhlw-5:6.3`); None where there is none."""
        guideline, _, section = text.partition(":")
        return (guideline, section) if (guideline, section) in self._counts else None

    def file_name(self, sections: Collection[SectionKey], suffix: str) -> str:
        """What a file of some sections is called (none or all: the whole): `minato-checklist-2026-11-01.pdf`."""
        head = self.checklist.head
        part = "" if len(sections) in {0, len(self.sections)} else "-part"
        if len(sections) == 1:
            part = "".join(f"-{'-'.join(key)}" for key in sections)
        return f"{head.institution_id}-checklist{part}-{head.as_of.isoformat()}.{suffix}"

    def controls_in(self, key: SectionKey) -> int:
        """How many controls of a section concern the institution."""
        return len(self._rows.get(key, ()))

    def progress(self, party: GapParty | None = None, section: SectionKey | None = None) -> Progress:
        """How far a party's duties are (None: user's and SI vendor's) in a section (None: in all)."""
        rows = self._rows.get(section, ()) if section else [row for rows in self._rows.values() for row in rows]
        return _progress(rows, party)

    def summary(self, href: Href) -> str:
        """Whose checklist it is, and the counts: by party, what lapses, is to be checked again, is left out."""
        names = {guideline.id: guideline.short_title for guideline in self.knowledge.guidelines.values()}
        return self._render("summary", href=href, progress=self.progress, parties=PARTIES, names=names)

    def navigation(self, view: View, href: Href) -> str:
        """Links to every section with how far its duties are."""
        groups = [
            (title, [(self.section_name(key), key, self.progress(view.party, key)) for key in keys])
            for title, keys in self.by_guideline
        ]
        return self._render("sections", href=href, view=view, groups=groups, whole=self.progress(view.party))

    def duties(self, view: View, href: Href) -> str:
        """The controls of a view, each with who does what, how it stands and what comes next."""
        parts = [self._part(key, view.party) for key in ([view.section] if view.section else self.sections)]
        before, after = self._neighbours(view)
        return self._render(
            "duties",
            href=href,
            view=view,
            parts=[part for part in parts if part.rows or view.section or (part.left_out and not view.party)],
            before=before,
            after=after,
        )

    def _render(self, name: str, **values: Any) -> str:
        template = f"screens/checklist_{name}.html.j2"
        return render_html(
            template, checklist=self.checklist, term=self.rulebook.term, name_of=self.section_name, **values
        ).decode()

    @cached_property
    def _counts(self) -> dict[SectionKey, Count]:
        return {(count.guideline_id, count.section): count for count in self.checklist.counts}

    @cached_property
    def _rows(self) -> dict[SectionKey, tuple[Row, ...]]:
        return {(section.guideline, section.id): section.rows for section in self.checklist.sections}

    @cached_property
    def _left_out(self) -> dict[SectionKey, tuple[LeftOut, ...]]:
        """What is left out of each section."""
        found: dict[SectionKey, tuple[LeftOut, ...]] = {}
        for entry in self.checklist.left_out:
            control = self.knowledge.controls[entry.key]
            key = (control.guideline, control.section.id)
            found[key] = (*found.get(key, ()), entry)
        return found

    @property
    def by_guideline(self) -> Iterator[tuple[str, list[SectionKey]]]:
        """The sections under each guideline's title."""
        for _, keys in groupby(self._counts, lambda key: key[0]):
            members = list(keys)
            yield self._counts[members[0]].guideline, members

    def _part(self, key: SectionKey, party: GapParty | None) -> SectionPart:
        rows = tuple(row for row in self._rows.get(key, ()) if concerns(row, party))
        count = self._counts[key]
        return SectionPart(key, count.guideline, count, rows, self._left_out.get(key, ()), self.progress(party, key))

    def _neighbours(self, view: View) -> tuple[SectionKey | None, SectionKey | None]:
        """The sections before and after the one in view."""
        if view.section is None:
            return None, None
        keys = self.sections
        at = keys.index(view.section)
        return keys[at - 1] if at else None, keys[at + 1] if at + 1 < len(keys) else None


def concerns(row: Row, party: GapParty | None) -> bool:
    """Whether a control asks something of a party; of a cloud vendor: something is still to be settled with it."""
    match party:
        case None:
            return True
        case "user":
            return bool(row.user.texts)
        case "integrator":
            return bool(row.integrator.texts)
        case "vendor":
            return any(vendor.outstanding for vendor in row.vendors)


def _progress(rows: Iterable[Row], party: GapParty | None) -> Progress:
    statuses: dict[str, int] = dict.fromkeys(STATUSES, 0)
    overdue = requests = 0
    for row in rows:
        requests += concerns(row, "vendor")
        for cell in _cells(row, party):
            if cell.status is not None:
                statuses[cell.status.word] += 1
                overdue += cell.overdue is not None
    return Progress(statuses, overdue, requests)


def _cells(row: Row, party: GapParty | None) -> tuple[PartyCell, ...]:
    match party:
        case None:
            return row.user, row.integrator
        case "user":
            return (row.user,)
        case "integrator":
            return (row.integrator,)
        case "vendor":
            return ()
