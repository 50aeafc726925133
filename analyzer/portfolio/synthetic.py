"""A made-up population of institutions, for demonstrations and benchmarks; nobody in it exists.

An institution has a kind, from it a size, from both a maturity; facts, the SI vendor, reviews and answers hang on
these, so that they go together the way they do in life: a hospital of 400 beds has remote maintenance and an SI vendor,
a practice with four people often neither. The figures are set by hand to look plausible; they measure nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import PARTIES, Party
from analyzer.portfolio.encoding import PRESENCES, day_number
from analyzer.portfolio.layout import GIVEN_STATUSES, INSTITUTION, KINDS, Layout, answer_column, review_column
from analyzer.portfolio.run_files import writing

Floats = npt.NDArray[np.float64]

BLOCK: Final = 1024
"""Institutions drawn from one stream of random numbers: the first institutions are the same however many follow."""

# Every row group describes each of the thousands of columns anew, so few large ones keep the file readable.
_BLOCKS_A_GROUP: Final = 8

_REGIONS: Final = tuple(f"架空{name}地方" for name in ("北", "東", "中央", "西", "南", "島しょ"))
_REGION_SHARES: Final = (0.13, 0.24, 0.27, 0.20, 0.13, 0.03)


@dataclass(frozen=True, slots=True)
class _Kind:
    """share: of all institutions. staff, spread: median and log-spread of the staff. maturity: on a standard scale."""

    share: float
    label: str
    staff: float
    spread: float
    maturity: float


# The shares follow the order of magnitude of Japan's medical institutions of each kind.
_KINDS: Final[dict[str, _Kind]] = {
    "hospital": _Kind(0.03, "病院", 210, 0.8, 0.9),
    "clinic": _Kind(0.40, "診療所", 9, 0.6, 0.5),
    "dental": _Kind(0.25, "歯科医院", 7, 0.4, 0.3),
    "pharmacy": _Kind(0.24, "薬局", 6, 0.5, 0.6),
    "home_nursing": _Kind(0.06, "訪問看護ステーション", 9, 0.5, 0.5),
    "midwifery": _Kind(0.01, "助産所", 3, 0.4, 0.1),
    "other": _Kind(0.01, "施設", 12, 0.8, 0.2),
}


@dataclass(frozen=True, slots=True)
class _Leaning:
    """How a yes/no fact leans: log-odds at a size of about 30 staff, and by how much they rise with size."""

    middle: float
    by_size: float


_PLAIN: Final = _Leaning(0.0, 0.5)
_LEANINGS: Final[dict[str, _Leaning]] = {
    "small_institution": _Leaning(-1.5, -3.0),
    "uses_id_password": _Leaning(3.5, 0.3),
    "uses_security_device": _Leaning(-0.8, 0.8),
    "uses_biometrics": _Leaning(-2.2, 0.4),
    "uses_wireless_lan": _Leaning(1.2, 0.5),
    "has_several_access_points": _Leaning(0.5, 1.2),
    "uses_iot_devices": _Leaning(-1.5, 0.9),
    "takes_out_devices": _Leaning(0.2, 0.5),
    "uses_mobile_devices": _Leaning(0.8, 0.3),
    "allows_personal_devices": _Leaning(-0.6, -0.4),
    "allows_remote_access": _Leaning(-0.4, 0.7),
    "gives_patients_access": _Leaning(-2.0, 0.5),
    "has_vendor_maintenance": _Leaning(2.2, 0.6),
    "has_remote_maintenance": _Leaning(0.8, 0.7),
    "tests_with_personal_data": _Leaning(-2.6, 0.3),
    "uses_electronic_signature": _Leaning(-0.9, 0.6),
    "uses_timestamps": _Leaning(-1.2, 0.5),
    "external_storage_hospital": _Leaning(-3.0, 0.7),
    "external_storage_medical_corporation": _Leaning(-3.0, 0.2),
    "external_storage_public_datacenter": _Leaning(-3.5, 0.3),
    "external_storage_private_provider": _Leaning(0.6, 0.2),
}
# A fact that cannot be true where another is false.
_NEEDS: Final = {"has_several_access_points": "uses_wireless_lan", "has_remote_maintenance": "has_vendor_maintenance"}
# What is said of a duty, from worst to best, and the maturity (less the control's difficulty) from which it is said.
_STEPS: Final = (("not_implemented", -1.1), ("planned", -0.75), ("partial", -0.1))


def synthetic_schema(layout: Layout, knowledge: KnowledgeBase, seed: int, as_of: date) -> pa.Schema:
    """The columns of a synthetic population, with metadata that says what it is."""
    names = [
        name
        for name in layout.columns
        if not name.startswith(("nda:", "review:", "due:", "checked_on:", "integrator_name"))
    ]
    names += [
        name
        for vendor in layout.vendors
        for name in (f"nda:{vendor}", review_column(vendor, "public", None), review_column(vendor, "nda", None))
    ]
    return layout.empty(names).with_metadata(
        {
            "sansho.layout": "wide",
            "sansho.fictional": "true",
            "sansho.origin": f"made up by sansho portfolio generate --seed {seed}; no institution in it exists",
            "sansho.as_of": as_of.isoformat(),
            "sansho.knowledge_version": knowledge.version,
        }
    )


def synthetic_blocks(
    count: int, seed: int, layout: Layout, knowledge: KnowledgeBase, as_of: date
) -> Iterator[pa.RecordBatch]:
    """`count` institutions in blocks of the wide layout; the same seed and knowledge base give the same ones.

    as_of: the day around which reviews and evidence are dated.
    """
    schema = synthetic_schema(layout, knowledge, seed, as_of)
    difficulty = np.random.default_rng([seed, 0]).normal(0.0, 0.7, (len(PARTIES), len(knowledge.controls)))
    for number, start in enumerate(range(0, count, BLOCK)):
        draw = np.random.default_rng([seed, 1, number])
        block = _Block(draw, start, layout, knowledge, as_of, difficulty).columns()
        arrays = [_array(block[field.name], field, layout) for field in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema).slice(0, count - start)


class _Block:
    """Draws one block; always whole, so that its numbers do not depend on how much of it is used."""

    def __init__(
        self,
        draw: np.random.Generator,
        start: int,
        layout: Layout,
        knowledge: KnowledgeBase,
        as_of: date,
        difficulty: Floats,
    ) -> None:
        self._draw = draw
        self._start = start
        self._layout = layout
        self._knowledge = knowledge
        self._today = day_number(as_of)
        self._difficulty = difficulty
        shares = np.array([kind.share for kind in _KINDS.values()])
        self._kind = draw.choice(len(_KINDS), BLOCK, p=shares / shares.sum())
        medians, spreads, means = (
            np.array([getattr(kind, name) for kind in _KINDS.values()])[self._kind]
            for name in ("staff", "spread", "maturity")
        )
        self._staff = np.maximum(1, medians * np.exp(draw.normal(0, 1, BLOCK) * spreads)).astype(np.int32)
        # A standard scale of size: 0 at 30 staff, 1 at ten times as many.
        self._size: Floats = np.log10(self._staff / 30)
        # Maturity is that of the kind at its usual size, and rises from there.
        self._maturity: Floats = means + 1.2 * np.log10(self._staff / medians) + draw.normal(0, 0.7, BLOCK)

    def columns(self) -> dict[str, Any]:
        """Every column's values: codes for words, masked arrays where something may be missing."""
        hospital = np.array(list(_KINDS))[self._kind] == "hospital"
        beds = np.where(hospital, np.maximum(20, self._staff * self._draw.uniform(0.5, 0.9, BLOCK)), 0).astype(np.int32)
        presence = np.where(self._odds(0.4 + 1.2 * self._size), 0, np.where(self._odds(np.full(BLOCK, 1.0)), 1, 2))
        block: dict[str, Any] = {
            **self._identity(beds),
            "integrator": np.array([PRESENCES.index(word) for word in ("present", "absent", "unknown")])[presence],
            **self._facts(),
            **self._services(),
        }
        for number, party in enumerate(PARTIES):
            has_party = np.ones(BLOCK, dtype=np.bool_) if party == "user" else presence == 0
            for column, control in enumerate(self._knowledge.controls):
                block.update(self._answer(control, party, self._difficulty[number, column], has_party))
        return block

    def _identity(self, beds: npt.NDArray[np.int32]) -> dict[str, Any]:
        numbers = range(self._start + 1, self._start + BLOCK + 1)
        labels = [kind.label for kind in _KINDS.values()]
        region = self._draw.choice(len(_REGIONS), BLOCK, p=_REGION_SHARES)
        return {
            INSTITUTION: np.array([f"fictional-{number:07}" for number in numbers], dtype=object),
            "name": np.array([f"架空{labels[k]}{n}" for k, n in zip(self._kind, numbers, strict=True)], dtype=object),
            "kind": np.array([KINDS.index(kind) for kind in _KINDS])[self._kind],
            "beds": beds,
            "staff": self._staff,
            "region": np.array(_REGIONS, dtype=object)[region],
            "fictional": np.ones(BLOCK, dtype=np.bool_),
        }

    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for fact in self._knowledge.facts.values():
            unknown = self._odds(-1.6 - 0.8 * self._maturity)
            if fact.values:
                found[f"fact:{fact.id}"] = np.ma.array(self._draw.integers(0, len(fact.values), BLOCK), mask=unknown)
                continue
            leaning = _LEANINGS.get(fact.id, _PLAIN)
            true = self._odds(leaning.middle + leaning.by_size * self._size)
            needed = found.get(f"fact:{_NEEDS.get(fact.id)}")
            if needed is not None:
                true &= needed.data
                unknown |= np.ma.getmaskarray(needed)
            found[f"fact:{fact.id}"] = np.ma.array(true, mask=unknown)
        return found

    def _services(self) -> dict[str, Any]:
        """Most use one service, few two, some none; the first vendor of the knowledge base is the most common."""
        found: dict[str, Any] = {}
        for number, vendor in enumerate(self._layout.vendors):
            used = self._odds(np.full(BLOCK, 1.4 if number == 0 else -1.6))
            nda = used & self._odds(0.6 * self._size + 1.2 * self._maturity - 0.4)
            looked = used & self._odds(0.4 + 1.2 * self._maturity)
            ages = self._draw.gamma(2.0, 120.0, (3, BLOCK)).astype(np.int32)
            found[f"service:{vendor}"] = used
            concluded = self._today - ages[0] - ages[1]
            found[f"nda:{vendor}"] = np.ma.array(concluded, mask=~nda)
            found[review_column(vendor, "public", None)] = np.ma.array(self._today - ages[2], mask=~looked)
            found[review_column(vendor, "nda", None)] = np.ma.array(concluded + ages[1] // 2, mask=~(nda & looked))
        return found

    def _answer(
        self, control: str, party: Party, difficulty: float, has_party: npt.NDArray[np.bool_]
    ) -> dict[str, Any]:
        score = self._maturity - difficulty + self._draw.normal(0, 0.5, BLOCK)
        status = np.full(BLOCK, GIVEN_STATUSES.index("implemented"))
        for word, limit in reversed(_STEPS):
            status[score < limit] = GIVEN_STATUSES.index(word)
        status[self._draw.random(BLOCK) < 0.02] = GIVEN_STATUSES.index("not_applicable")
        answered = has_party & self._odds(1.6 + 1.3 * self._maturity - (0.8 if party == "integrator" else 0.0))
        shown = answered & (status == GIVEN_STATUSES.index("implemented")) & self._odds(1.6 + self._maturity)
        left = self._draw.integers(-120, 700, BLOCK, dtype=np.int32)
        proof = np.where(shown, np.where(left < 0, 1, 0), 2)
        carried = answered & (self._draw.random(BLOCK) < 0.06)
        return {
            answer_column("status", control, party): np.ma.array(status, mask=~answered),
            answer_column("proof", control, party): np.ma.array(proof, mask=~answered),
            answer_column("recheck", control, party): np.ma.array(carried.astype(np.int8), mask=~answered),
            answer_column("proof_until", control, party): np.ma.array(self._today + left, mask=~shown),
        }

    def _odds(self, log_odds: Floats) -> npt.NDArray[np.bool_]:
        return self._draw.random(BLOCK) < 1 / (1 + np.exp(-log_odds))


def _array(values: Any, field: pa.Field, layout: Layout) -> Any:
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    data = np.ma.getdata(values)
    if pa.types.is_dictionary(field.type):
        words = layout.columns[field.name].words
        return pa.DictionaryArray.from_arrays(pa.array(data.astype(np.int8), mask=mask), pa.array(words, pa.string()))
    if pa.types.is_date32(field.type):
        return pa.array(data.astype(np.int32), mask=mask).cast(pa.date32())
    return pa.array(data, field.type, mask=mask)


def write_synthetic(
    path: Path,
    count: int,
    seed: int,
    layout: Layout,
    knowledge: KnowledgeBase,
    as_of: date,
    report: Callable[[int], None] = lambda _count: None,
) -> None:
    """Write a synthetic population as a Parquet file, whole or not at all. report: called with how many are done."""
    done = 0
    schema = synthetic_schema(layout, knowledge, seed, as_of)
    with (
        writing(path) as aside,
        pq.ParquetWriter(aside, schema, compression="zstd", write_statistics=False) as writer,
    ):
        blocks = synthetic_blocks(count, seed, layout, knowledge, as_of)
        while group := list(islice(blocks, _BLOCKS_A_GROUP)):
            writer.write_table(pa.Table.from_batches(group))
            done += sum(block.num_rows for block in group)
            report(done)
