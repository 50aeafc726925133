"""Which control rests on which MIC clause, document or certification, or is related to which other control: pairs, in
both orders, with links both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from analyzer.exports.matrix.context import BY_CONTROL, BY_REFERENCE, FIRST_ROW, HEADER_ROW, Context
from analyzer.exports.related import Related
from analyzer.exports.xlsx.book import Column, Link, Value
from analyzer.exports.xlsx.looks import BODY, CENTRE
from analyzer.model.controls import Control

Kind = Literal["clause", "document", "certification", "related"]
_KINDS: dict[Kind, str] = {
    "clause": "MIC要求事項",
    "document": "文献",
    "certification": "第三者認証",
    "related": "関連項目",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A control and one thing it rests on, or (kind `related`) the key of a control of another guideline.

    vendor: empty for clauses and controls. how: in what way it is named.
    """

    control: Control
    kind: Kind
    vendor: str
    item: str
    how: str


@dataclass(frozen=True)
class References:
    """All pairs of a knowledge base and the rows they take in the two sheets of pairs."""

    context: Context

    @cached_property
    def by_control(self) -> tuple[Pair, ...]:
        """Every pair, in the order of the controls."""
        return tuple(pair for control in self.context.knowledge.controls.values() for pair in self._pairs(control))

    @cached_property
    def by_reference(self) -> tuple[Pair, ...]:
        """The pairs in the order of the clauses and of the register. Related controls are not among them: the relation
        from the other end stands under the other control.
        """
        clauses = {clause: index for index, clause in enumerate(self.context.knowledge.clauses)}
        register = self.context.register_rows
        kinds = list(_KINDS)

        def rank(pair: Pair) -> tuple[int, str, int, str]:
            place = clauses.get(pair.item) if pair.kind == "clause" else register.get((pair.vendor, pair.item))
            return kinds.index(pair.kind), pair.vendor, -1 if place is None else place, pair.item

        return tuple(sorted((pair for pair in self.by_control if pair.kind != "related"), key=rank))

    @cached_property
    def _first_of_control(self) -> dict[tuple[str, Kind, str], tuple[int, int, Pair]]:
        """For each (control, kind, vendor): the first row, how many there are, the first pair."""
        found: dict[tuple[str, Kind, str], tuple[int, int, Pair]] = {}
        for row, pair in enumerate(self.by_control, FIRST_ROW):
            key = (pair.control.key, pair.kind, pair.vendor)
            first, count, one = found.get(key, (row, 0, pair))
            found[key] = (first, count + 1, one)
        return found

    @cached_property
    def _first_of_item(self) -> dict[tuple[Kind, str, str], tuple[int, list[Pair]]]:
        found: dict[tuple[Kind, str, str], tuple[int, list[Pair]]] = {}
        for row, pair in enumerate(self.by_reference, FIRST_ROW):
            found.setdefault((pair.kind, pair.vendor, pair.item), (row, []))[1].append(pair)
        return found

    def link_from_control(self, control: str, kind: Kind, vendor: str = "") -> Value:
        """How many clauses, documents, certifications or controls a control names, leading to the one or to their list.

        A cell takes one link, and LibreOffice neither wraps a linked text nor keeps its lines: hence so short a text.
        """
        found = self._first_of_control.get((control, kind, vendor))
        if found is None:
            return None
        row, count, pair = found
        if count == 1:
            return self._target(pair, "1件")
        return Link(f"{count}件", self.context.sheets[BY_CONTROL].title, f"A{row}")

    def pairs_of(self, kind: Kind, item: str, vendor: str = "") -> list[Pair]:
        """The pairs of one clause, document or certification."""
        return self._first_of_item.get((kind, vendor, item), (0, []))[1]

    def count_link(self, kind: Kind, item: str, vendor: str = "") -> Value:
        """How many controls rest on it, leading to their list."""
        row, pairs = self._first_of_item.get((kind, vendor, item), (0, []))
        count = len({pair.control.key for pair in pairs})
        return Link(count, self.context.sheets[BY_REFERENCE].title, f"A{row}") if pairs else 0

    def write(self) -> None:
        """Fill both sheets of pairs."""
        beside = "と、関連項目" if self.context.knowledge.crosswalks else ""
        for name, title, pairs in (
            (BY_CONTROL, f"項目から参照先へ：各項目が引くMIC要求事項・文献・認証{beside}", self.by_control),
            (BY_REFERENCE, "参照先から項目へ：MIC要求事項・文献・認証を引く項目", self.by_reference),
        ):
            self._write_pairs(name, title, pairs)

    def _write_pairs(self, name: str, title: str, pairs: tuple[Pair, ...]) -> None:
        context = self.context
        sheet = context.heading(name, title, "項番と「参照先へ」は、それぞれの行へのリンク。")
        columns = [
            Column("項番", 12, CENTRE),
            Column("ガイドライン", 30, BODY),
            Column("項目名", 44, BODY),
            Column("種別", 14, CENTRE),
            Column("参照先へ", 20, CENTRE),
            Column("参照先", 60, BODY),
            Column("ベンダー", 30, BODY),
            Column("引かれ方", 40, BODY),
        ]
        rows = [
            [
                context.control_link(pair.control.key),
                context.knowledge.guidelines[pair.control.guideline].short_title,
                pair.control.title.ja,
                _KINDS[pair.kind],
                self._target(pair, self._number(pair)),
                self._shown(pair),
                context.vendor_name(pair.vendor) if pair.vendor else None,
                pair.how,
            ]
            for pair in pairs
        ]
        context.book.table(sheet, HEADER_ROW, columns, rows)
        context.book.freeze(sheet, FIRST_ROW, 2)
        context.book.print_setup(
            sheet, header=context.header, footer=context.footer, landscape=False, repeat_rows=(1, HEADER_ROW)
        )

    def _target(self, pair: Pair, shown: str) -> Value:
        if pair.kind == "clause":
            return self.context.clause_link(pair.item, shown)
        if pair.kind == "related":
            return self.context.control_link(pair.item, shown)
        return self.context.register_link(pair.vendor, pair.item, shown)

    def _number(self, pair: Pair) -> str:
        match pair.kind:
            case "document":
                return f"[{pair.item}]"
            case "related":
                return self.context.knowledge.controls[pair.item].id
            case _:
                return pair.item

    def _shown(self, pair: Pair) -> str:
        match pair.kind:
            case "clause":
                known = self.context.knowledge.clauses.get(pair.item)
                return f"{pair.item} {known.title.ja}" if known else pair.item
            case "document":
                return self.context.document_text(pair.vendor, pair.item)
            case "certification":
                return self.context.certification_text(pair.vendor, pair.item)
            case "related":
                return self.context.control_name(self.context.knowledge.controls[pair.item])

    def _pairs(self, control: Control) -> Iterator[Pair]:
        for cited in control.mic.clauses if control.mic else ():
            printed = f"【{self.context.word('clause_class', cited.clause_class)}】"
            yield Pair(control, "clause", "", cited.id, printed + (cited.note or ""))
        for vendor in self.context.vendors:
            response = control.responses.get(vendor)
            if response is None:
                continue
            for number in response.all_documents:
                named = [("確認した公開文書", response.documents), ("調査で確認した内容", response.finding_documents)]
                how = "・".join(where for where, numbers in named if number in numbers)
                yield Pair(control, "document", vendor, number, how)
            for item in response.certifications:
                yield Pair(control, "certification", vendor, item, "第三者認証")
        for other in self.context.related[control.key]:
            yield Pair(control, "related", "", other.control.key, self._relation(other))

    def _relation(self, other: Related) -> str:
        source = self.context.word("relation_source", other.source)
        return f"{self.context.label('relation', other.kind)}（{source}）：{other.reason}"
