"""Comparing a filled-in checklist with the record as it stands: what each row would change, and what it may not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.checklist import layout
from analyzer.exports.checklist.baseline import CARRIED, Saying, digest, is_cut, same_cell, saying
from analyzer.exports.checklist.facts import NO, YES
from analyzer.exports.wording import CARRIED_OVER
from analyzer.intake.filled import TABLES, Filled, FilledRow, FilledTable, Refused, read_filled
from analyzer.intake.held import Held, answer_held, evidence_held, fact_held, review_held, service_held
from analyzer.intake.proposal import CellChange, Deed, PartKey, Proposal, RowChange, present_parts, settle
from analyzer.intake.values import (
    LONG,
    SHORT,
    Reader,
    Refusal,
    Words,
    plain,
    read_carried,
    read_day,
    read_id,
    read_ids,
    read_one_of,
    read_sections,
    read_text,
    status_words,
)
from analyzer.intake.workbook import IntakeError, RawSheet, read_workbook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.catalog import Fact
from analyzer.model.vocabulary import PARTIES
from analyzer.store.parts import Data, answer_key
from analyzer.store.records import Record

Base = tuple[str, ...] | None
_MEANWHILE = "このチェックリストが作られた後に、ほかの人が記録を変えている。"
_REMOVED = "このチェックリストが作られた後に、ほかの人が記録から消している。"
_NO_BASE = "この行の元の値がチェックリストに残っていないため、どちらが新しいか分からない。"
DATED: Final = frozenset({"checked_on", "due", "issued_on", "valid_until", "covers_from", "covers_to", "reviewed_on"})


def propose(content: bytes, name: str, record: Record, knowledge: KnowledgeBase, rulebook: Rulebook) -> Proposal:
    """What a filled-in checklist would change in a record. name: the file's, for messages and the audit trail.

    Raises IntakeError where the file is no checklist, cannot be read, or is another institution's.
    """
    return propose_filled(read_filled(read_workbook(content, name), name), name, record, knowledge, rulebook)


def propose_sheets(
    sheets: Sequence[RawSheet], name: str, record: Record, knowledge: KnowledgeBase, rulebook: Rulebook
) -> Proposal:
    """`propose` for a workbook that has been read."""
    return propose_filled(read_filled(sheets, name), name, record, knowledge, rulebook)


def propose_filled(filled: Filled, name: str, record: Record, knowledge: KnowledgeBase, rulebook: Rulebook) -> Proposal:
    """`propose` for a checklist whose tables have been found."""
    if filled.institution != record.institution.id:
        raise IntakeError(
            name,
            f"is the checklist of {filled.institution[:64]!r}, not of {record.institution.id!r}",
            f"別の医療機関（{filled.institution[:64]}）のチェックリストである。"
            f"{record.institution.name}（{record.institution.id}）には取り込まない。",
        )
    return Comparison(record, knowledge, rulebook, filled).proposal(name)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row with what its cells say in plain form; refused: the fields that cannot be read, with the reason."""

    row: FilledRow
    values: Mapping[str, str]
    refused: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filled in."""
        return not self.refused and not any(self.values.values())


@dataclass
class Comparison:
    """One file against one record.

    asks: whether a value that the record holds may be replaced only where a person chooses to, since the file does not
    tell what its cells held. clears: whether an empty cell empties what the record holds.
    """

    record: Record
    knowledge: KnowledgeBase
    rulebook: Rulebook
    filled: Filled
    asks: bool = False
    clears: bool = True
    rows: list[RowChange] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    untouched: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._parts = present_parts(self.record)
        self._answered: set[tuple[str, str]] = set()
        self._statuses = status_words(self.rulebook)
        kinds, disclosures = self.rulebook.terms["evidence_kind"], self.rulebook.terms["disclosure"]
        self._kinds = Words(kinds, kinds)
        self._documents = Words(disclosures, ("public", "nda"))
        self._choices = {fact.id: fact_choices(fact) for fact in self.knowledge.facts.values()}
        texts: dict[str, Reader] = {"owner": read_text(SHORT), "title": read_text(SHORT)}
        self._readers: dict[str, dict[str, Reader]] = {
            name: {
                item.name: read_day
                if item.name in {*DATED, "nda_concluded_on"}
                else texts.get(item.name, read_text(LONG))
                for item in fields
                if item.input
            }
            for name, fields in TABLES.items()
        }
        self._readers["answers"] |= {
            "status": self._statuses.read,
            "evidence": read_ids,
            "carried_over": read_carried,
        }
        self._readers["evidence"] |= {"id": read_id, "kind": self._kinds.read}
        vendors = [service.vendor for service in self.record.institution.services]
        self._readers["reviews"] |= {
            "vendor": read_one_of({vendor: vendor for vendor in vendors}, "利用するサービス"),
            "sections": read_sections(self.knowledge),
            "documents": self._documents.read,
        }

    def proposal(self, name: str) -> Proposal:
        """Compare every table, then see what of it makes a valid record."""
        self.refused += self.filled.refused
        compare: dict[str, Callable[[FilledTable], None]] = {
            "evidence": self._evidence,
            "services": self._services,
            "reviews": self._reviews,
            "facts": self._facts,
            "answers": self._answers,
        }
        for table, each in compare.items():
            found = self.filled.tables.get(table)
            if found is not None:
                each(found)
        self._note()
        kept, more, _ = settle(self.record, self.rows, self._choices, self.knowledge)
        return Proposal(
            name=name,
            record=self.record,
            changes=tuple(row for row in kept if row.conflict is None),
            conflicts=tuple(row for row in kept if row.conflict is not None),
            refused=tuple(dict.fromkeys([*self.refused, *more])),
            untouched=self.untouched,
            notes=tuple(self.notes),
            choices=self._choices,
            knowledge=self.knowledge,
        )

    # -- the tables -----------------------------------------------------------------------------------------------

    def _answers(self, table: FilledTable) -> None:
        rows: dict[str, list[ReadRow]] = {}
        for row in table.rows:
            read = self._read(table, row)
            key = self._answer_row_key(read)
            if key is not None:
                rows.setdefault(key, []).append(read)
        for key, found in rows.items():
            one = self._only(found, "項目")
            if one is not None:
                self._answer(key, one)
        self._note_missing(table, rows)

    def _answer_row_key(self, read: ReadRow) -> str | None:
        """The row's two keys as one text; None where it has none or they do not fit what the row shows."""
        row = read.row
        control, party = _key_text(row, "control"), _key_text(row, "party")
        if not control and not party and not {"control", "party"} & (row.cells.keys() | row.merged):
            if not read.is_empty:
                self._refuse(row, "status", "どの項目の行か分からない（隠れたキーがない）。元の行に書く。")
            return None
        if not control or party not in PARTIES:
            self._refuse(row, "id", "隠れたキーが壊れているため、どの項目の行か分からない。")
            return None
        shown = {"id": control.split(",")[0].partition(":")[2], "party_name": self.rulebook.term("party", party).ja}
        for name, expected in shown.items():
            if name in row.columns and plain(_key_text(row, name)) != plain(expected):
                self._refuse(
                    row, name, f"表示と隠れたキー（{expected}）が食い違う。一部の列だけを並べ替えた行は取り込めない。"
                )
                return None
        return f"{control} {party}"

    def _answer(self, key: str, read: ReadRow) -> None:
        controls, _, party = key.rpartition(" ")
        known = []
        for control in dict.fromkeys(part.strip() for part in controls.split(",")):
            if (control, party) in self._answered:
                self._refuse(read.row, "id", f"項目「{control}」は、ほかの行でも答えている。")
            elif control in self.knowledge.controls:
                known.append(control)
                self._answered.add((control, party))
            else:
                self._refuse(read.row, "id", f"項目「{control[:80]}」は、今の知識ベースにない。")
        targets: list[PartKey] = [("answer", answer_key(control, party)) for control in known]
        if targets:
            ids = "・".join(self.knowledge.controls[control].id for control in known)
            label = f"{ids} {self.rulebook.term('party', party).ja}"
            self._compare("answers", key, read, label, targets, answer_held, _answer_rules)

    def _evidence(self, table: FilledTable) -> None:
        rows: dict[str, list[ReadRow]] = {}
        base = self.filled.base or {}
        for row in table.rows:
            read = self._read(table, row)
            key, identity = _key_text(row, "row"), read.values.get("id", "")
            if not key and ("evidence", identity) in base:
                key = identity
            if not key and read.is_empty:
                continue
            if key and identity and identity != key:
                self._refuse(row, "id", f"番号は変えられない（元は「{key[:64]}」）。別の証跡は、空いた行に書く。")
            elif key and "id" not in read.values:
                self._list_refused(read)
            elif key and not identity and not read.is_empty:
                self._refuse(row, "id", f"番号（{key[:64]}）が消えている。この証跡を消すなら、行の記入をすべて消す。")
            elif not key and not identity:
                self._list_refused(read)
                if "id" not in read.refused:
                    self._refuse(row, "id", "番号がない。")
            else:
                rows.setdefault(key or identity, []).append(read)
        for identity, found in rows.items():
            one = self._only(found, "証跡の番号")
            if one is not None:
                self._compare(
                    "evidence",
                    identity,
                    one,
                    f"証跡 {identity}",
                    [("evidence", identity)],
                    evidence_held,
                    _evidence_rules,
                )
        self._note_missing(table, rows)

    def _services(self, table: FilledTable) -> None:
        rows: dict[str, list[ReadRow]] = {}
        for row in table.rows:
            read, vendor = self._read(table, row), _key_text(row, "vendor")
            if ("service", vendor) in self._parts:
                rows.setdefault(vendor, []).append(read)
            elif not read.is_empty:
                self._refuse(row, "vendor", f"サービス「{vendor[:64]}」は、この医療機関に登録されていない。")
        for vendor, found in rows.items():
            each = self._only(found, "サービス")
            if each is not None:
                self._compare("services", vendor, each, f"サービス {vendor}", [("service", vendor)], service_held, None)

    def _facts(self, table: FilledTable) -> None:
        rows: dict[str, list[FilledRow]] = {}
        for row in table.rows:
            fact = _key_text(row, "fact")
            if fact in self.knowledge.facts:
                rows.setdefault(fact, []).append(row)
            elif "answer" in row.cells:
                reason = f"質問「{fact[:64]}」は、今の知識ベースにない。" if fact else "どの質問の行か分からない。"
                self._refuse(row, "answer", reason)
        for fact, of_fact in rows.items():
            labels = {word: YES if value is True else NO if value is False else str(value)
                      for word, value in self._choices[fact].items()}  # fmt: skip
            self._readers["facts"]["answer"] = read_one_of(labels, "選択肢")
            question = self.knowledge.facts[fact].question
            found = [self._read(table, row) for row in of_fact]
            for each in found:
                shown = each.row.cells.get("question")
                if "question" in each.row.columns and plain(str(shown.value) if shown else "") != plain(question):
                    self.notes.append(f"質問「{question}」の文が、チェックリストでは異なる。")
            read = self._only(found, "質問")
            if read is not None:
                self._compare("facts", fact, read, question, [("fact", fact)], fact_held, None)

    # -- reviews: lists within a service --------------------------------------------------------------------------

    def _reviews(self, table: FilledTable) -> None:
        base = self.filled.base
        if base is not None and "row" not in table.columns:
            self.refused.append(Refused(table.sheet, "", "確認の記録は、隠れた行キーの列がないため取り込まない。"))
            return
        if any(item.input for item in table.missing):
            self.refused.append(Refused(table.sheet, "", "確認の記録は、列が欠けているため取り込まない。"))
            return
        rows: dict[str, list[ReadRow]] = {}
        for row in table.rows:
            read, key = self._read(table, row), _key_text(row, "row")
            if key or not read.is_empty:
                rows.setdefault(key or f"+{row.number}", []).append(read)
        for key, found in rows.items():
            each = self._only(found, "確認の記録")
            if each is not None:
                held = base.get(("reviews", key)) if base is not None and not key.startswith("+") else None
                self._review(key, each, held, keyed=not key.startswith("+"))

    def _review(self, key: str, read: ReadRow, base: Base, *, keyed: bool) -> None:
        vendor = key.rpartition("#")[0] if keyed else read.values.get("vendor", "")
        if read.refused:
            self._list_refused(read)
            return
        if read.values.get("vendor") not in {vendor, ""} or (keyed and ("service", vendor) not in self._parts):
            self._refuse(read.row, "vendor", "サービスは変えられない。ほかのサービスの記録は、空いた行に書く。")
            return
        present: list[Data] = list((self._parts.get(("service", vendor)) or {}).get("reviews") or ())
        fields = list(self._readers["reviews"])
        helds = [review_held(vendor, review) for review in present]
        if any(all(saying(held[name]) == read.values.get(name, "") for name in fields) for held in helds):
            self.untouched += 1
            return
        if base is not None and len(base) == len(fields):
            if all(same_cell(read.values.get(name, ""), base[place]) for place, name in enumerate(fields)):
                self.untouched += 1
                return
            matching = (
                review
                for review, held in zip(present, helds, strict=True)
                if all(digest(held[name]) == base[place] for place, name in enumerate(fields))
            )
            original = next(matching, None)
            conflict = None if original is not None else _MEANWHILE
        else:
            original, conflict = None, _NO_BASE if keyed else None
        if read.is_empty:
            if original is None:
                self.untouched += 1
            else:
                held = review_held(vendor, original)
                self._add_row("reviews", key, read, vendor, [("service", vendor)], "remove", {}, held, None, original)
            return
        lacking = [name for name in ("vendor", "documents", "reviewed_on") if not read.values.get(name)]
        if lacking:
            headers = "、".join(item.header for item in layout.REVIEWS if item.name in lacking)
            self._refuse(
                read.row, lacking[0], f"確認の記録には、サービス・確認日・確かめた資料が要る（{headers}がない）。"
            )
            return
        now: Held = review_held(vendor, original) if original is not None else {}
        edits = {
            name: read.values.get(name, "") for name in fields if read.values.get(name, "") != saying(now.get(name))
        }
        if self._refuse_cut(read, edits):
            return
        deed: Deed = "change" if original is not None else "add"
        self._add_row("reviews", key, read, vendor, [("service", vendor)], deed, edits, now, conflict, original)

    # -- one row --------------------------------------------------------------------------------------------------

    def _compare(
        self,
        table: str,
        key: str,
        read: ReadRow,
        label: str,
        targets: Sequence[PartKey],
        held_of: Callable[[Data | None], Mapping[str, Saying]],
        rules: Rules | None,
    ) -> None:
        """Compare a row with each part that it stands for, and keep what it would change."""
        self._list_refused(read)
        base = self._base(table, key, read.row)
        edits: dict[str, str] = {}
        conflict: str | None = None
        firsts: list[Mapping[str, Saying]] = []
        for target in targets:
            held = held_of(self._parts.get(target))
            firsts.append(held)
            found = self._edits(table, read, held, base)
            if found and target not in self._parts:
                # What is not there any more is made anew, from all that the row says.
                found = {name: said for name, said in read.values.items() if said}
            edits |= found
            if found:
                conflict = conflict or self._conflict(table, read, held, base, exists=target in self._parts)
        befores = {
            name: " ／ ".join(dict.fromkeys(self._spoken(table, name, saying(held.get(name))) for held in firsts))
            for name in self._readers[table]
        }
        if not edits:
            self.untouched += 1
            return
        # Where a column was not found, nobody knows whether the row is empty.
        whole = read.values.keys() == self._readers[table].keys()
        if self.clears and whole and read.is_empty and table in {"answers", "evidence"}:
            present = [target for target in targets if target in self._parts]
            self._add_row(table, key, read, label, present, "remove", edits, firsts[0], conflict, None, befores)
            return
        if rules is not None:
            for name, reason in rules(read, firsts, edits):
                if name is None:
                    self._refuse(read.row, next(iter(edits)), reason)
                    return
                edits.pop(name, None)
                self._refuse(read.row, name, reason)
        if self._refuse_cut(read, edits) and not edits:
            return
        if not edits:
            return
        deed: Deed = "change" if any(target in self._parts for target in targets) else "add"
        self._add_row(table, key, read, label, targets, deed, edits, firsts[0], conflict, None, befores)

    def _edits(self, table: str, read: ReadRow, held: Held, base: Base) -> dict[str, str]:
        """The cells that say something else than the record now, and else than the file held when it was made."""
        found = {}
        for place, name in enumerate(self._readers[table]):
            said = read.values.get(name)
            if said is None or said == saying(held.get(name)) or (not said and not self.clears):
                continue
            if base is None or not same_cell(said, base[place]):
                found[name] = said
        return found

    def _conflict(self, table: str, read: ReadRow, held: Held, base: Base, *, exists: bool) -> str | None:
        """Why a person has to choose between the file and the record; None where nobody else changed the part."""
        if base is None:
            taken = any(saying(value) for value in held.values())
            return _NO_BASE if taken and (self.asks or self.filled.base is not None) else None
        for place, name in enumerate(self._readers[table]):
            now = held.get(name)
            if digest(now) != base[place] and read.values.get(name) != saying(now):
                return _MEANWHILE if exists else _REMOVED
        return None

    def _base(self, table: str, key: str, row: FilledRow) -> Base:
        """The digests of what the row's cells held; all nothing where the row was empty, None where it is not known."""
        if self.filled.base is None:
            return None
        width = len(self._readers[table])
        found = self.filled.base.get((table, key))
        if found is not None and len(found) == width:
            return found
        is_new = table == "evidence" and found is None and not _key_text(row, "row")
        return ("-",) * width if is_new else None

    def _add_row(
        self,
        table: str,
        key: str,
        read: ReadRow,
        label: str,
        targets: Sequence[PartKey],
        deed: Deed,
        edits: Mapping[str, str],
        held: Held,
        conflict: str | None,
        original: Data | None,
        befores: Mapping[str, str] | None = None,
    ) -> None:
        if table == "reviews":
            label = f"{label}の資料を確かめた記録"
        headers = {item.name: item.header for item in TABLES[table]}
        shown = [name for name in self._readers[table] if name in edits] if deed != "remove" else [
            name for name in self._readers[table] if saying(held.get(name))
        ]  # fmt: skip
        before = befores or {name: self._spoken(table, name, saying(held.get(name))) for name in shown}
        cells = tuple(
            CellChange(
                read.row.cell(name), name, headers[name], before[name], self._spoken(table, name, edits.get(name, ""))
            )
            for name in shown
        )
        change = RowChange(
            id=f"{table}:{key}",
            table=table,
            sheet=read.row.sheet,
            row=read.row.number,
            label=label,
            deed=deed,
            cells=cells,
            targets=tuple(targets),
            edits=dict(edits),
            original=original,
            conflict=conflict,
        )
        self.rows.append(change)

    def _read(self, table: FilledTable, row: FilledRow) -> ReadRow:
        """What the row's input cells say; a column that was not found says nothing at all."""
        values: dict[str, str] = {}
        refused: dict[str, str] = {}
        epoch = self._epoch
        for name, reader in self._readers[table.name].items():
            if name not in table.columns:
                continue
            cell = row.cells.get(name)
            if name in row.merged:
                refused[name] = "ほかのセルと結合されているため、この行の値か分からない。結合を解く。"
            elif cell is None:
                values[name] = ""
            else:
                try:
                    values[name] = reader(cell, epoch)
                except Refusal as refusal:
                    refused[name] = refusal.reason
        return ReadRow(row, values, refused)

    @property
    def _epoch(self) -> datetime:
        return self.filled.epoch

    def _only(self, found: Sequence[ReadRow], what: str) -> ReadRow | None:
        """The row of a key; of several that say the same the first, of several that differ none."""
        first = found[0]
        if all(other.values == first.values and not other.refused for other in found[1:]) and (
            len(found) == 1 or not first.refused
        ):
            return first
        for read in found:
            self._refuse(
                read.row,
                next(iter(self._readers_of(read)), "id"),
                f"同じ{what}の行が{len(found)}つあり、内容が異なるため取り込まない。",
            )
        return None

    @staticmethod
    def _readers_of(read: ReadRow) -> Iterator[str]:
        return iter([*read.values, *read.refused])

    # -- what is said ---------------------------------------------------------------------------------------------

    def _refuse(self, row: FilledRow, name: str, reason: str) -> None:
        self.refused.append(Refused(row.sheet, row.cell(name), reason))

    def _list_refused(self, read: ReadRow) -> None:
        for name, reason in read.refused.items():
            self._refuse(read.row, name, reason)

    def _refuse_cut(self, read: ReadRow, edits: dict[str, str]) -> bool:
        """Drop changed texts whose end a cell had left out; whether there are any."""
        cut = [name for name, value in edits.items() if is_cut(value)]
        for name in cut:
            del edits[name]
            self._refuse(read.row, name, "末尾が省略された長い文を書き換えている。末尾が失われるため、画面で直す。")
        return bool(cut)

    def _spoken(self, table: str, name: str, said: str) -> str:
        """A value as people read it."""
        if not said:
            return ""
        match table, name:
            case "answers", "status":
                return self._statuses.labels[said]
            case "answers", "carried_over":
                return CARRIED_OVER if said == CARRIED else ""
            case "evidence", "kind":
                return self._kinds.labels[said]
            case "reviews", "documents":
                return self._documents.labels.get(said, said)
            case "facts", _:
                return {"true": YES, "false": NO}.get(said, said)
            case _:
                return said

    def _note(self) -> None:
        if self.asks:
            self.notes.append("記録にある値と違うところは、選んだものだけを書き換える。空欄は何も変えない。")
        elif self.filled.base is None:
            self.notes.append(
                "前の書式のチェックリストで、作られたときの値が残っていない。今の記録と違うところは、すべて変更として示す。"
                "その後にほかの人が変えた欄も戻すことになるため、一つずつ確かめる。"
            )
        if self.filled.knowledge_version != self.knowledge.version:
            self.notes.append(
                f"チェックリストは知識ベース {self.filled.knowledge_version or '（不明）'} で作られた"
                f"（今は {self.knowledge.version}）。同じ項目だけを取り込む。"
            )
        if self.filled.sections:
            self.notes.append(
                f"章の一部だけのチェックリストである（{'、'.join(self.filled.sections)}）。ほかの章の回答は変わらない。"
            )

    def _note_missing(self, table: FilledTable, rows: Collection[str]) -> None:
        """Rows that the file had and has no more change nothing: nobody can tell why they are gone."""
        gone = [key for name, key in self.filled.base or () if name == table.name and key not in rows]
        if gone:
            self.notes.append(
                f"「{table.sheet}」の{len(gone)}行がファイルにない（消された行など）。その記録は変わらない。"
            )


Rules = Callable[[ReadRow, Sequence[Held], Mapping[str, str]], Iterator[tuple[str | None, str]]]
"""Tells what of a row may not be: a field and why, or (None) the whole row."""


def _answer_rules(read: ReadRow, helds: Sequence[Held], edits: Mapping[str, str]) -> Iterator[tuple[str | None, str]]:
    if edits.get("carried_over") == "" and "carried_over" not in read.row.cells:
        yield "carried_over", "再確認の欄が空欄になっている。確かめたのなら「確認済」を選ぶ。"
    after = [edits.get("status", saying(held.get("status"))) for held in helds]
    if not all(after):
        yield None, "状況が空欄か読めないため、この行は取り込めない。状況を選ぶか、行の記入をすべて消す。"
        return
    for held, status in zip(helds, after, strict=True):
        if status == "not_applicable" and not edits.get("reason", saying(held.get("reason"))):
            yield None, "該当なしには理由が要る。理由の欄に書く。"
            return


def _evidence_rules(
    _read: ReadRow, helds: Sequence[Held], edits: Mapping[str, str]
) -> Iterator[tuple[str | None, str]]:
    held = helds[0]
    is_new = not held.get("id")
    needed = {"title": "題名", "kind": "種類", "issued_on": "発行日"}
    lacking = [name for name in needed if not edits.get(name, saying(held.get(name)))]
    if lacking and is_new:
        yield None, f"証跡には{'・'.join(needed[name] for name in lacking)}が要る。"
        return
    for name in lacking:
        yield name, f"証跡の{needed[name]}は空欄にできない。"
    ends = {name: edits.get(name, saying(held.get(name))) for name in ("covers_from", "covers_to")}
    if bool(ends["covers_from"]) != bool(ends["covers_to"]):
        for name in ends:
            if name in edits:
                yield name, "対象期間は、始めと終わりの両方を書く。"


def _key_text(row: FilledRow, name: str) -> str:
    cell = row.cells.get(name)
    return str(cell.value).strip() if cell is not None and cell.kind == "text" and name not in row.merged else ""


def fact_choices(fact: Fact) -> dict[str, bool | str]:
    """What a question may be answered with: word → the fact's value."""
    return {value.lower(): value for value in fact.values} if fact.values else {"true": True, "false": False}
