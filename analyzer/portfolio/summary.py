"""What is counted of a block's results: a row an institution, and counts by control, by group and by gap that add up.

The counts of blocks are added with `added`; of any number of them only the institutions' rows grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analyzer.exports.portfolio_overview import NOT_MET
from analyzer.model.vocabulary import CONFORMITIES, GAP_KINDS, PRIORITIES
from analyzer.portfolio.analysis import GAP_COLUMNS
from analyzer.portfolio.layout import INSTITUTION, KINDS
from analyzer.portfolio.sizes import SizeClasses, shipped_sizes

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

_IDENTITY: Final = (
    ("name", pa.string()),
    ("kind", pa.string()),
    ("beds", pa.int32()),
    ("staff", pa.int32()),
    ("size", pa.string()),
    ("region", pa.string()),
    ("fictional", pa.bool_()),
)
_STATES: Final = (*CONFORMITIES, *(f"gaps_{word}" for word in (*PRIORITIES, *GAP_KINDS)))
SUMMARY_SCHEMA: Final = pa.schema(
    [
        pa.field(INSTITUTION, pa.string()),
        *(pa.field(name, kind) for name, kind in _IDENTITY),
        pa.field("services", pa.int32()),
        pa.field("controls", pa.int32()),
        pa.field("applicable", pa.int32()),
        pa.field("rate", pa.float64()),
        *(pa.field(word, pa.int32()) for word in _STATES),
    ]
)
"""A row an institution, over all its services. size: the class's label. controls: its results, one a control and
service. rate: conforming as a share of the applicable, null where none is."""

CONTROLS_SCHEMA: Final = pa.schema(
    [
        pa.field("control", pa.string()),
        pa.field("kind", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("institutions", "applying", "missing")),
        *(pa.field(word, pa.int64()) for word in _STATES),
    ]
)
"""A row a control and kind of institution. institutions: those of the kind. applying: those at which the control
applies to some service. missing: those at which it is not met for some service. The other columns count results."""

GROUPS_SCHEMA: Final = pa.schema(
    [
        pa.field("axis", pa.string()),
        pa.field("group", pa.string()),
        pa.field("institutions", pa.int64()),
        *(pa.field(word, pa.int64()) for word in _STATES),
    ]
)
"""A row a group on an axis (kind, size, region; null where it is not known): its institutions, and their results."""

GAPS_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("control", "party", "kind", "priority")),
        pa.field("institutions", pa.int64()),
    ]
)
"""A row a gap that stands somewhere: at how many institutions, however many of their services it stands for."""

SCHEMAS: Final = {"controls": CONTROLS_SCHEMA, "groups": GROUPS_SCHEMA, "gaps": GAPS_SCHEMA}
"""The tables whose blocks add up."""

# How many of their first columns say what is counted.
_KEYS: Final = {"controls": 2, "groups": 2, "gaps": 4}

_FAILING: Final = np.isin(CONFORMITIES, NOT_MET)
_APPLYING: Final = np.array([word != "not_applicable" for word in CONFORMITIES])
_GAP_WORDS: Final = len(GAP_KINDS) * len(PRIORITIES)


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """A block's counts, each table by its schema above."""

    summary: pa.RecordBatch
    controls: pa.RecordBatch
    groups: pa.RecordBatch
    gaps: pa.RecordBatch


def count_block(institutions: pa.RecordBatch, results: pa.RecordBatch, sizes: SizeClasses | None = None) -> BlockCounts:
    """The counts of a block in the wide layout, from what `analyse_block` made of it."""
    cells = _Cells(institutions, results)
    by_institution = np.concatenate([cells.conformity_of_institutions(), *cells.gaps_of_institutions()], axis=1)
    classes = sizes or shipped_sizes()
    size = classes.classes_of(cells.kind, {"beds": cells.figures("beds"), "staff": cells.figures("staff")})
    labels = pa.array(classes.labels, pa.string()).take(pa.array(size, mask=size < 0))
    return BlockCounts(
        _summary(cells, by_institution, labels),
        _controls(cells),
        _groups(cells, by_institution, labels),
        _gaps(cells),
    )


def added(tables: list[Any], name: str) -> Any:
    """Counts of several blocks added up, in the order in which their keys first come. name: one of SCHEMAS."""
    schema, width = SCHEMAS[name], _KEYS[name]
    keys, counts = schema.names[:width], schema.names[width:]
    whole = pa.concat_tables(tables)
    grouped = pa.TableGroupBy(whole, keys, use_threads=False).aggregate([(column, "sum") for column in counts])
    return pa.table({**{k: grouped[k] for k in keys}, **{c: grouped[f"{c}_sum"] for c in counts}}).cast(schema)


def _summary(cells: _Cells, counts: Counts, size: Any) -> pa.RecordBatch:
    conformity = counts[:, : len(CONFORMITIES)]
    controls = conformity.sum(axis=1)
    applicable = controls - conformity[:, CONFORMITIES.index("not_applicable")]
    conforming = conformity[:, CONFORMITIES.index("conforming")]
    columns: dict[str, Any] = {
        **cells.identity(),
        "size": size,
        "services": cells.services(),
        "controls": controls,
        "applicable": applicable,
        "rate": pa.array(conforming / np.maximum(applicable, 1), mask=applicable == 0),
        **dict(zip(_STATES, counts.T, strict=True)),
    }
    return _batch(columns, SUMMARY_SCHEMA)


def _controls(cells: _Cells) -> pa.RecordBatch:
    conformity = cells.by_kind(cells.conformity, len(CONFORMITIES))
    gaps = (
        np.stack(list(cells.gaps_by_kind.values()))
        .sum(axis=0)
        .reshape(*conformity.shape[:2], len(GAP_KINDS), len(PRIORITIES))
    )
    columns: dict[str, Any] = {
        "control": np.repeat(np.array(cells.controls, dtype=object), len(KINDS)),
        "kind": np.tile(np.array(KINDS, dtype=object), len(cells.controls)),
        "institutions": np.tile(np.bincount(cells.kind, minlength=len(KINDS)), len(cells.controls)),
        "applying": cells.institutions_by_kind(conformity, _APPLYING).reshape(-1),
        "missing": cells.institutions_by_kind(conformity, _FAILING).reshape(-1),
        **{word: conformity[:, :, number].reshape(-1) for number, word in enumerate(CONFORMITIES)},
        **{f"gaps_{word}": gaps.sum(axis=2)[:, :, number].reshape(-1) for number, word in enumerate(PRIORITIES)},
        **{f"gaps_{word}": gaps.sum(axis=3)[:, :, number].reshape(-1) for number, word in enumerate(GAP_KINDS)},
    }
    return _batch(columns, CONTROLS_SCHEMA)


def _groups(cells: _Cells, counts: Counts, size: Any) -> pa.RecordBatch:
    identity = cells.identity()
    parts = []
    for axis, values in (("kind", identity["kind"]), ("size", size), ("region", identity["region"])):
        encoded = values.dictionary_encode("encode")
        names = encoded.dictionary.to_pylist()
        place = encoded.indices.to_numpy(zero_copy_only=False)
        summed = np.stack(
            [np.bincount(place, column, minlength=len(names)) for column in (np.ones(len(place)), *counts.T)]
        ).astype(np.int64)
        columns: dict[str, Any] = {
            "axis": np.full(len(names), axis, dtype=object),
            "group": pa.array(names, pa.string()),
            "institutions": summed[0],
            **dict(zip(_STATES, summed[1:], strict=True)),
        }
        parts.append(_batch(columns, GROUPS_SCHEMA))
    return pa.concat_batches(parts)


def _gaps(cells: _Cells) -> pa.RecordBatch:
    rows: list[tuple[str, str, str, str, int]] = []
    for name in GAP_COLUMNS:
        counted = cells.institutions_by_gap(name)
        for control, word in zip(*np.nonzero(counted), strict=True):
            kind, priority = divmod(int(word), len(PRIORITIES))
            count = int(counted[control, word])
            party = name.removesuffix("_gap")
            rows.append((cells.controls[control], party, GAP_KINDS[kind], PRIORITIES[priority], count))
    columns = dict(zip(GAPS_SCHEMA.names, zip(*rows, strict=True), strict=True)) if rows else {}
    return _batch({name: list(columns.get(name, ())) for name in GAPS_SCHEMA.names}, GAPS_SCHEMA)


class _Cells:
    """A block's results as (institution and service) × controls; an institution's rows stand together.

    conformity: codes. gaps: by column, the codes of a gap's kind and priority, -1 where there is none. kind: each
    institution's place in KINDS. controls: the columns' keys.
    """

    def __init__(self, institutions: pa.RecordBatch, results: pa.RecordBatch) -> None:
        self._institutions = institutions
        self._size = institutions.num_rows
        self.controls: list[str] = results.column("control").dictionary.to_pylist()
        ids = self._column(INSTITUTION).to_pylist()
        position = {identity: row for row, identity in enumerate(ids)}
        self._of: npt.NDArray[np.intp] = np.array(
            [position[identity] for identity in results.column(INSTITUTION).values.to_pylist()], dtype=np.intp
        )
        self._single = len(self._of) == self._size
        self._starts = np.searchsorted(self._of, np.arange(self._size))
        self._served = np.array([service is not None for service in results.column("service").values.to_pylist()])
        kinds = {kind: number for number, kind in enumerate(KINDS)}
        self.kind = np.array([kinds[kind] for kind in self._column("kind").to_pylist()], dtype=np.intp)
        self.conformity = self._codes(results, "conformity")
        self.gaps = {name: self._codes(results, name) for name in GAP_COLUMNS}

    def conformity_of_institutions(self) -> Counts:
        """Institutions × conformities."""
        return self._summed(self._of_rows(self.conformity, len(CONFORMITIES)))

    def gaps_of_institutions(self) -> tuple[Counts, Counts]:
        """Institutions × priorities, institutions × gap kinds."""
        counted: Any = sum(self._of_rows(codes, _GAP_WORDS) for codes in self.gaps.values())
        gaps = self._summed(counted).reshape(-1, len(GAP_KINDS), len(PRIORITIES))
        return gaps.sum(axis=1), gaps.sum(axis=2)

    @cached_property
    def gaps_by_kind(self) -> dict[str, Counts]:
        """By column the gaps by controls × kinds of institution × gap words."""
        return {name: self.by_kind(codes, _GAP_WORDS) for name, codes in self.gaps.items()}

    def by_kind(self, codes: Codes, words: int) -> Counts:
        """How often each word comes, controls × kinds of institution × words."""
        width = len(self.controls)
        groups = np.arange(width) * len(KINDS) + self.kind[self._of][:, None]
        return _counted(codes, groups, words, width * len(KINDS)).reshape(width, len(KINDS), words)

    def institutions_by_kind(self, conformity: Counts, wanted: npt.NDArray[np.bool_]) -> Counts:
        """Controls × kinds: institutions where some service's result is one of the wanted conformities.

        conformity: all results' counts, controls × kinds × conformities.
        """
        if self._single:
            return cast(Counts, conformity[:, :, wanted].sum(axis=2))
        there = np.logical_or.reduceat(wanted[self.conformity], self._starts, axis=0)
        return np.stack([there[self.kind == kind].sum(axis=0) for kind in range(len(KINDS))], axis=1)

    def institutions_by_gap(self, name: str) -> Counts:
        """Controls × gap words: at how many institutions a column's gap stands for some service."""
        if self._single:
            return cast(Counts, self.gaps_by_kind[name].sum(axis=1))
        codes = self.gaps[name]
        first = codes.copy()
        # A gap that an earlier service of the same institution shows as well is counted once.
        for back in range(1, len(codes)):
            same = self._of[back:] == self._of[:-back]
            if not same.any():
                break
            first[back:][same[:, None] & (codes[back:] == codes[:-back])] = -1
        width = len(self.controls)
        return _counted(first, np.arange(width)[None, :], _GAP_WORDS, width)

    def services(self) -> Counts:
        """How many services each institution uses."""
        return np.bincount(self._of[self._served], minlength=self._size)

    def identity(self) -> dict[str, Any]:
        """What the institutions say of themselves."""
        found = {INSTITUTION: self._column(INSTITUTION)}
        for name, kind in _IDENTITY:
            there = name in self._institutions.schema.names
            found[name] = self._column(name).cast(kind) if there else pa.nulls(self._size, kind)
        return found

    def figures(self, name: str) -> npt.NDArray[np.int32]:
        """A column of whole numbers, -1 where nothing is given."""
        found: npt.NDArray[np.int32] = self.identity()[name].fill_null(-1).to_numpy(zero_copy_only=False)
        return found

    def _column(self, name: str) -> Any:
        return self._institutions.column(self._institutions.schema.names.index(name))

    def _codes(self, results: pa.RecordBatch, name: str) -> Codes:
        indices = results.column(name).indices
        filled = indices.fill_null(-1) if indices.null_count else indices
        found: Codes = filled.to_numpy(zero_copy_only=False).reshape(-1, len(self.controls))
        return found

    def _of_rows(self, codes: Codes, words: int) -> Counts:
        """How often each word comes in each row; rows × words."""
        return _counted(codes, np.arange(len(codes))[:, None], words, len(codes))

    def _summed(self, counts: Counts) -> Counts:
        """The services' rows of each institution added."""
        return counts if self._single else cast(Counts, np.add.reduceat(counts, self._starts, axis=0))


def _counted(codes: Codes, groups: npt.NDArray[np.intp], words: int, count: int) -> Counts:
    """How often each word comes in each of `count` groups; groups × words. groups: broadcasts against the codes."""
    # One more word, in front, takes the empty cells (-1), which is quicker than to leave them out.
    places = groups * (words + 1) + 1 + codes
    return np.bincount(places.reshape(-1), minlength=count * (words + 1)).reshape(count, words + 1)[:, 1:]


def _batch(columns: dict[str, Any], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [_as(columns[field.name], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as(values: Any, kind: Any) -> Any:
    if isinstance(values, pa.Array):
        return values.cast(kind)
    return pa.array(values, kind) if isinstance(values, list) else pa.array(values).cast(kind)
