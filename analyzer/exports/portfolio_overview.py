"""The overview of many institutions as a workbook: ranking, sections, frequent gaps, missed controls, groups compared.

It is made from counts alone (`PortfolioSummary`), so its size does not depend on where they come from or on how many
institutions stand behind them. A *rate* is the share of the applicable results that conform, as in a Tally.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Literal

from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.utils import get_column_letter

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.changes.names import Names
from analyzer.exports.changes.sheets import count_columns, count_table, first_sheet, list_sheet
from analyzer.exports.xlsx.book import Book, Column, Table, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE, NUMBER, PERCENT
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES, Conformity, GapKind, GapParty, Priority

RANKING, SECTIONS, GAPS, MISSED, GROUPS = (
    "順位",
    "節ごとの分布",
    "多いギャップ",
    "多くの機関で満たせていない管理策",
    "種別・規模・地域の比較",
)
RATE_BANDS: Final = 10
"""How many bands of equal width the rates from 0 to 1 are counted in."""
MOST_RANKED: Final = 10_000
"""More institutions are not listed one by one: Excel opens the sheet without a wait up to here."""
MOST_GAPS: Final = 500
"""More gaps are not listed: the rare ones are no use to a reader of an overview."""

Axis = Literal["kind", "size", "region"]
_AXES: Final[dict[Axis, str]] = {"kind": "種別", "size": "規模", "region": "地域"}
_TITLE = "多機関の状況"
_UNNAMED = "（記載なし）"
_MEAN: Final = replace(NUMBER, name="Sansho 平均", number_format="0.0")
_CONTROL_PLACE: Final = (Column("節", 30), Column("ガイドライン", 26), Column("管理策キー", 24, BODY))
NOT_MET: Final[tuple[Conformity, ...]] = ("partial", "nonconforming", "not_assessed")
"""The conformities with which a control counts as missed."""


@dataclass(frozen=True, slots=True)
class ResultCounts:
    """Results by conformity (one a control and service) and gaps by priority. Words that are left out count 0."""

    conformity: Mapping[Conformity, int]
    gaps: Mapping[Priority, int]

    @property
    def applicable(self) -> int:
        """The results that neither a condition nor a declaration takes out."""
        return sum(count for word, count in self.conformity.items() if word != "not_applicable")

    @property
    def rate(self) -> float | None:
        """Conforming results as a share of the applicable ones, 0 to 1; None where nothing applies."""
        applicable = self.applicable
        return self.conformity.get("conforming", 0) / applicable if applicable else None


@dataclass(frozen=True, slots=True)
class InstitutionCounts:
    """An institution's counts. kind: a word of institution_kind; size, region: as people call them, None unknown."""

    id: str
    name: str
    kind: str
    size: str | None
    region: str | None
    counts: ResultCounts


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """The institutions that share a kind, a size class or a region: how many, and their counts in sum."""

    axis: Axis
    group: str | None
    institutions: int
    counts: ResultCounts


@dataclass(frozen=True, slots=True)
class SectionCounts:
    """Results of a section's controls at the institutions of one kind, in sum, by conformity."""

    guideline: str
    section: str
    kind: str
    conformity: Mapping[Conformity, int]


@dataclass(frozen=True, slots=True)
class MissedControl:
    """A control's key, at how many institutions it applies, and at how many of them it is not met for some service.

    by_kind: the same two numbers for each kind of institution to which it applies.
    """

    control: str
    applicable: int
    missing: int
    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FrequentGap:
    """A gap and at how many institutions it stands."""

    control: str
    party: GapParty
    kind: GapKind
    priority: Priority
    institutions: int


@dataclass(frozen=True, slots=True)
class PortfolioSummary:
    """What the overview is made from.

    institutions, fictional: how many there are, how many of them are made up. total: their counts in sum. rate_bands:
    how many have a rate in each of RATE_BANDS bands (see `rate_band`). ranked: those to list, of which the
    MOST_RANKED with the lowest rate stand in the sheet. The other parts come in any order, but groups by size in
    theirs.
    """

    as_of: date
    knowledge_version: str
    institutions: int
    fictional: int
    total: ResultCounts
    rate_bands: Sequence[int]
    ranked: Sequence[InstitutionCounts]
    groups: Sequence[GroupCounts]
    sections: Sequence[SectionCounts]
    missed: Sequence[MissedControl]
    gaps: Sequence[FrequentGap]


def rate_band(rate: float) -> int:
    """The band of a rate, from 0; the last one includes 1."""
    return min(int(rate * RATE_BANDS), RATE_BANDS - 1)


def summed(counts: Iterable[ResultCounts]) -> ResultCounts:
    """Several counts in sum."""
    conformity: Counter[Conformity] = Counter()
    gaps: Counter[Priority] = Counter()
    for each in counts:
        conformity.update(each.conformity)
        gaps.update(each.gaps)
    return ResultCounts(dict(conformity), dict(gaps))


def grouped(institutions: Sequence[InstitutionCounts]) -> tuple[GroupCounts, ...]:
    """The groups that institutions form on every axis."""
    found: dict[tuple[Axis, str | None], list[ResultCounts]] = {}
    for each in institutions:
        places: tuple[tuple[Axis, str | None], ...] = (
            ("kind", each.kind),
            ("size", each.size),
            ("region", each.region),
        )
        for place in places:
            found.setdefault(place, []).append(each.counts)
    return tuple(GroupCounts(axis, group, len(members), summed(members)) for (axis, group), members in found.items())


def portfolio_overview(summary: PortfolioSummary, knowledge: KnowledgeBase, rulebook: Rulebook) -> bytes:
    """The workbook (xlsx). The same summary gives the same bytes. Raises ValueError where it has no institutions."""
    if summary.institutions < 1:
        raise ValueError("no institutions to give an overview of")
    book = Book(f"{_TITLE} {summary.as_of}", summary.as_of, rulebook.terms)
    overview = _Overview(summary, knowledge, rulebook, book, Names(rulebook, knowledge))
    overview.write_first()
    overview.write_ranking()
    overview.write_sections()
    overview.write_gaps()
    overview.write_missed()
    overview.write_groups()
    return book.to_bytes()


@dataclass(frozen=True, slots=True)
class _Overview:
    summary: PortfolioSummary
    knowledge: KnowledgeBase
    rulebook: Rulebook
    book: Book
    names: Names

    @property
    def footer(self) -> str:
        return f"知識ベース {self.summary.knowledge_version}　基準日 {self.summary.as_of}"

    # -- the sheets ---------------------------------------------------------------------------------------------------

    def write_first(self) -> None:
        """Fill the first sheet: what it rests on, all institutions' counts, how their rates are spread."""
        summary = self.summary
        facts: list[tuple[str, Value]] = [
            ("基準日", summary.as_of.isoformat()),
            ("知識ベースの版", summary.knowledge_version),
            ("機関の数", f"{summary.institutions:,}"),
            ("適合の割合（適用のある項目のうち）", _percent(summary.total.rate)),
        ]
        sheet, row = first_sheet(self.book, _TITLE, facts, self._notices())
        counted = summary.total.conformity
        row = count_table(
            self.book,
            sheet,
            row,
            "判定（全機関の合計。機関・項目・サービスの組を1件と数える）",
            [*count_columns("判定", ["件数"], NUMBER), *count_columns("", ["割合"], PERCENT)[1:]],
            [
                [self.names.label("conformity", word), counted.get(word, 0), _share(counted.get(word, 0), counted)]
                for word in CONFORMITIES
            ],
        )
        gaps = summary.total.gaps
        row = count_table(
            self.book,
            sheet,
            row,
            "ギャップ（優先度別）",
            [*count_columns("優先度", ["件数"], NUMBER), *count_columns("", ["1機関あたり"], _MEAN)[1:]],
            [
                [self.names.label("priority", word), gaps.get(word, 0), gaps.get(word, 0) / summary.institutions]
                for word in PRIORITIES
            ],
        )
        step = 100 // RATE_BANDS
        count_table(
            self.book,
            sheet,
            row,
            "適合の割合ごとの機関の数",
            count_columns("適合の割合", ["機関の数"], NUMBER),
            [
                [f"{band * step}%以上{'' if band == RATE_BANDS - 1 else f' {(band + 1) * step}%未満'}", count]
                for band, count in enumerate(summary.rate_bands)
            ],
        )
        self.book.print_setup(sheet, footer=self.footer, paper="A4", landscape=False)

    def write_ranking(self) -> None:
        """List the institutions, the lowest rate first."""
        ordered = sorted(self.summary.ranked, key=need_of)
        shown = ordered[:MOST_RANKED]
        columns = [
            Column("順位", 8, NUMBER),
            Column("機関", 34),
            Column("種別", 22),
            Column("規模", 16),
            Column("地域", 18),
            *self._count_columns(),
            Column("機関ID", 26),
        ]
        ranks = ranks_of(shown)
        rows: list[list[Value]] = [
            [
                rank,
                each.name,
                self.names.word("institution_kind", each.kind),
                each.size or _UNNAMED,
                each.region or _UNNAMED,
                *_count_values(each.counts),
                each.id,
            ]
            for rank, each in zip(ranks, shown, strict=True)
        ]
        note = "適合の割合が低い順。割合が同じときは、優先度の高いギャップが多い順。見出しの▼で絞り込める。"
        if len(shown) < self.summary.institutions:
            note += f"全{self.summary.institutions:,}機関のうち、割合が低い{len(shown):,}機関を示す。"
        table = self._list(RANKING, "機関の順位", columns, rows, note=note, frozen=2)
        self._heat(table, [_place(columns, "適合の割合")])

    def write_sections(self) -> None:
        """Lay the rate of each section beside that of each kind."""
        by_place: dict[tuple[str, str], dict[str, ResultCounts]] = {}
        for each in self.summary.sections:
            of_kind = by_place.setdefault((each.guideline, each.section), {})
            own = ResultCounts(each.conformity, {})
            of_kind[each.kind] = summed([of_kind[each.kind], own]) if each.kind in of_kind else own
        kinds_there = {each.kind for each in self.summary.sections}
        kinds = [word for word in self.rulebook.terms["institution_kind"] if word in kinds_there]
        order = {(section.guideline, section.id): number for number, section in enumerate(self.knowledge.sections)}
        columns = [
            Column("ガイドライン", 26),
            Column("節", 40),
            Column("適合の割合", 11, PERCENT, "全機関"),
            *self._conformity_columns("全機関"),
            *(Column(self.names.word("institution_kind", kind), 13, PERCENT, "適合の割合（種別）") for kind in kinds),
        ]
        rows: list[list[Value]] = []
        for guideline, section in sorted(by_place, key=lambda place: (order.get(place, len(order)), place)):
            counts = by_place[guideline, section]
            everything = summed(counts.values())
            rows.append(
                [
                    self.names.guideline(guideline),
                    self.names.section(guideline, section),
                    everything.rate,
                    *(everything.conformity.get(word, 0) for word in CONFORMITIES),
                    *(counts[kind].rate if kind in counts else None for kind in kinds),
                ]
            )
        note = "適用のある項目のうち適合の割合。色が濃いほど低い。空欄は、適用のある項目がない。"
        table = self._list(SECTIONS, "節ごとの分布", columns, rows, note=note, frozen=2)
        first = 4 + len(CONFORMITIES)
        self._heat(table, [3, *range(first, first + len(kinds))])

    def write_gaps(self) -> None:
        """List the gaps, the most frequent first."""
        columns = [
            Column("順位", 8, NUMBER),
            Column("項番", 12, CENTRE),
            Column("項目名", 34),
            Column("種類", 20),
            Column("当事者", 20),
            Column("優先度", 9, CENTRE, terms="priority"),
            Column("機関の数", 10, NUMBER),
            Column("割合", 9, PERCENT),
            Column("次に行うこと", 46),
            *_CONTROL_PLACE,
        ]
        ordered = sorted(
            self.summary.gaps,
            key=lambda gap: (-gap.institutions, PRIORITIES.index(gap.priority), gap.control, gap.party, gap.kind),
        )
        rows: list[list[Value]] = [
            [
                number,
                *self._control(gap.control),
                self.names.word("gap_kind", gap.kind),
                self.names.word("party", gap.party),
                self.names.label("priority", gap.priority),
                gap.institutions,
                gap.institutions / self.summary.institutions,
                self.rulebook.actions[gap.kind][gap.party].ja,
                *self._control_place(gap.control),
            ]
            for number, gap in enumerate(ordered[:MOST_GAPS], 1)
        ]
        note = "ギャップのある機関が多い順。割合は全機関に対するもの。"
        if len(ordered) > MOST_GAPS:
            note += f"全{len(ordered):,}件のうち、機関の多い{MOST_GAPS:,}件を示す。"
        self._list(GAPS, "多いギャップ", columns, rows, note=note, frozen=3)

    def write_missed(self) -> None:
        """List the controls, those that most institutions miss first."""
        columns = [
            Column("順位", 8, NUMBER),
            Column("項番", 12, CENTRE),
            Column("項目名", 40),
            Column("区分", 9, CENTRE),
            Column("満たせていない機関", 12, NUMBER),
            Column("適用のある機関", 12, NUMBER),
            Column("割合", 9, PERCENT),
            Column("半数以上", 10, CENTRE),
            *_CONTROL_PLACE,
        ]
        found = [each for each in self.summary.missed if each.missing]
        order = {key: number for number, key in enumerate(self.knowledge.controls)}
        found.sort(key=lambda each: (-each.missing / each.applicable, -each.missing, order.get(each.control, 0)))
        rows: list[list[Value]] = []
        for number, each in enumerate(found, 1):
            control = self.knowledge.controls.get(each.control)
            share = each.missing / each.applicable
            rows.append(
                [
                    number,
                    *self._control(each.control),
                    self.names.word("level", control.level) if control else None,
                    each.missing,
                    each.applicable,
                    share,
                    "● 半数以上" if share >= 0.5 else None,
                    *self._control_place(each.control),
                ]
            )
        words = "、".join(f"「{self.names.word('conformity', word)}」" for word in CONFORMITIES if word in NOT_MET)
        note = (
            f"どれかのサービスで{words}の機関を数える。割合は適用のある機関に対するもの。研修で取り上げる目安になる。"
        )
        table = self._list(MISSED, "多くの機関で満たせていない管理策", columns, rows, note=note, frozen=3)
        self._heat(table, [_place(columns, "割合")], low_is_bad=False)

    def write_groups(self) -> None:
        """Lay kinds, sizes and regions side by side."""
        columns = [
            Column("比べるもの", 14),
            Column("区分", 24),
            Column("機関の数", 10, NUMBER),
            *self._count_columns(per_institution=True),
        ]
        axes = list(_AXES)
        kinds = list(self.rulebook.terms["institution_kind"])
        ordered = sorted(
            self.summary.groups,
            key=lambda each: (
                axes.index(each.axis),
                kinds.index(each.group) if each.axis == "kind" and each.group in kinds else 0,
                each.group is None,
                # Only whoever made the size classes knows their order.
                "" if each.axis == "size" else each.group or "",
            ),
        )
        rows: list[list[Value]] = [
            [
                _AXES[each.axis],
                self._group_name(each),
                each.institutions,
                *_count_values(each.counts, each.institutions),
            ]
            for each in ordered
        ]
        note = "件数は区分の合計、ギャップは1機関あたり。機関の少ない区分では、割合は偶然に左右される。"
        table = self._list(GROUPS, "種別・規模・地域の比較", columns, rows, note=note, frozen=2)
        self._heat(table, [_place(columns, "適合の割合")])

    # -- parts --------------------------------------------------------------------------------------------------------

    def _notices(self) -> Iterator[str]:
        fictional, institutions = self.summary.fictional, self.summary.institutions
        if fictional:
            which = "すべて" if fictional == institutions else f"{institutions:,}機関のうち{fictional:,}機関は"
            yield f"{which}架空の医療機関であり、実在の団体とは関係がない。"
        for guideline in self.knowledge.encoded_guidelines:
            if not guideline.in_force:
                yield f"【旧版】「{guideline.title.ja}」{guideline.edition or ''}：{guideline.status_note}"

    def _count_columns(self, *, per_institution: bool = False) -> list[Column]:
        group = "ギャップ（1機関あたり）" if per_institution else "ギャップ（優先度別）"
        return [
            Column("適合の割合", 11, PERCENT, "判定"),
            *self._conformity_columns("判定"),
            *(
                Column(self.names.label("priority", word), 9, _MEAN if per_institution else NUMBER, group)
                for word in PRIORITIES
            ),
        ]

    def _conformity_columns(self, group: str) -> Iterator[Column]:
        """A column of counts for each conformity, wide enough for its name to stand in one line."""
        for word in CONFORMITIES:
            label = self.names.label("conformity", word)
            yield Column(label, max(11, 2 * len(label)), NUMBER, group)

    def _list(
        self,
        name: str,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Value]],
        *,
        note: str,
        frozen: int,
    ) -> Table:
        return list_sheet(self.book, name, title, columns, rows, note=note, frozen=frozen, footer=self.footer)

    def _heat(self, table: Table, columns: Iterable[int], *, low_is_bad: bool = True) -> None:
        """Shade shares; the number itself says the same."""
        if table.last_row < table.first_row:
            return
        colours = ("F4B6B0", "FFFFFF") if low_is_bad else ("FFFFFF", "F4B6B0")
        sheet = self.book.workbook.worksheets[-1]
        scale: Any = ColorScaleRule  # untyped in openpyxl's stubs
        for column in columns:
            letter = get_column_letter(column)
            rule = scale("num", 0, colours[0], end_type="num", end_value=1, end_color=colours[1])
            sheet.conditional_formatting.add(f"{letter}{table.first_row}:{letter}{table.last_row}", rule)

    def _control(self, key: str) -> tuple[str, str]:
        known = self.knowledge.controls.get(key)
        return (known.id, known.title.ja) if known else (key, "")

    def _control_place(self, key: str) -> tuple[str, str, str]:
        known = self.knowledge.controls.get(key)
        if known is None:
            return "", "", key
        return self.names.section(known.guideline, known.section.id), self.names.guideline(known.guideline), key

    def _group_name(self, each: GroupCounts) -> str:
        if each.axis == "kind" and each.group in self.rulebook.terms["institution_kind"]:
            return self.names.word("institution_kind", each.group)
        return each.group or _UNNAMED


def _place(columns: Sequence[Column], header: str) -> int:
    """The number of a column, from 1."""
    return next(number for number, column in enumerate(columns, 1) if column.header == header)


def _count_values(counts: ResultCounts, institutions: int | None = None) -> list[Value]:
    """The cells of `_count_columns`."""
    gaps = [counts.gaps.get(word, 0) for word in PRIORITIES]
    return [
        counts.rate,
        *(counts.conformity.get(word, 0) for word in CONFORMITIES),
        *(gaps if institutions is None else (count / institutions for count in gaps)),
    ]


def need_of(each: InstitutionCounts) -> tuple[float, float, str]:
    """What sorts institutions, the one in most need first; one to which nothing applies comes last."""
    rate = each.counts.rate
    return (2.0 if rate is None else rate, -each.counts.gaps.get("high", 0), each.id)


def ranks_of(ordered: Sequence[InstitutionCounts]) -> list[int]:
    """Places from 1; equals share one."""
    ranks: list[int] = []
    for number, each in enumerate(ordered, 1):
        same = number > 1 and need_of(each)[:2] == need_of(ordered[number - 2])[:2]
        ranks.append(ranks[-1] if same else number)
    return ranks


def _percent(share: float | None) -> str:
    return "－" if share is None else f"{share:.1%}"


def _share(count: int, of: Mapping[Conformity, int]) -> float:
    return count / (sum(of.values()) or 1)
