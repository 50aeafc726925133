"""The analysis of a block: a pure function from a record batch of institutions to one of their results.

It reads nothing but its arguments and keeps nothing between blocks, so a partition map of another engine can run it
unchanged: all arguments can be pickled (docs/portfolio.md, docs/decisions/0013-portfolio-blocks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analyzer.engine.analysis import Analyzer
from analyzer.engine.cell import CellRules
from analyzer.engine.population import PopulationEngine
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.tables import Rule
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.vocabulary import CONFORMITIES, GAP_KINDS, PRIORITIES, RESPONSIBILITIES
from analyzer.portfolio.encoding import Block, Encoder
from analyzer.portfolio.layout import INSTITUTION, Layout

Codes = npt.NDArray[np.uint8]

GAP_COLUMNS: Final = ("user_gap", "integrator_gap", "vendor_gap")
"""One gap a party at the most: `kind priority` as one word, null where the party has none."""

_GAP_WORDS: Final = tuple(f"{kind} {priority}" for kind in GAP_KINDS for priority in PRIORITIES)
_NO_GAP: Final = len(_GAP_WORDS)
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "conformity": CONFORMITIES,
    "responsibility": RESPONSIBILITIES,
    **dict.fromkeys(GAP_COLUMNS, _GAP_WORDS),
}
_WORD: Final = pa.dictionary(pa.int8(), pa.string())
_KEY: Final = pa.run_end_encoded(pa.int32(), pa.string())

RESULT_SCHEMA: Final = pa.schema(
    [
        pa.field("institution", _KEY),
        pa.field("service", _KEY),
        pa.field("control", pa.dictionary(pa.int16(), pa.string())),
        *(pa.field(name, _WORD) for name in _WORDS),
    ]
)
"""What `analyse_block` returns: a row a cell (institution, service, control), 7 bytes and the validity of the gaps."""

FLAT_SCHEMA: Final = pa.schema(
    [
        pa.field("institution", pa.dictionary(pa.int32(), pa.string())),
        pa.field("service", pa.dictionary(pa.int32(), pa.string())),
        pa.field("control", pa.dictionary(pa.int16(), pa.string())),
        pa.field("conformity", _WORD),
        pa.field("responsibility", _WORD),
        *(pa.field(name, _WORD) for gap in GAP_COLUMNS for name in (gap, gap.replace("_gap", "_priority"))),
    ]
)
"""Results as files hold them: no run ends, the gap's kind and its priority in columns of their own."""

PLAIN_SCHEMA: Final = pa.schema([pa.field(name, pa.string()) for name in FLAT_SCHEMA.names])
"""The same for engines whose tables know no dictionaries, such as Spark's."""


@dataclass(frozen=True, slots=True)
class _Decider:
    """A vendor's engine, and for every outcome number the words of the result columns, as codes."""

    engine: PopulationEngine
    codes: dict[str, Codes]


class _Day:
    """What a day's blocks are judged with: the encoder, and the vendors' engines, made on first use."""

    def __init__(self, analyzer: Analyzer, as_of: date) -> None:
        self.as_of = as_of
        self.encoder = Encoder(analyzer, as_of)
        self._analyzer = analyzer
        self._deciders: dict[str | None, _Decider] = {}
        self._making = Lock()

    def decider(self, vendor: str | None) -> _Decider:
        with self._making:
            if vendor not in self._deciders:
                engine = PopulationEngine(self._analyzer, vendor, self.as_of)
                self._deciders[vendor] = _Decider(engine, _outcome_codes(engine.outcomes))
            return self._deciders[vendor]


class PortfolioEngine:
    """What the analysis of blocks needs of a knowledge base and its rules. Share one a process, also among threads.

    Can be pickled. What is made for a day is kept for the last day asked for.
    """

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook | None = None) -> None:
        self.analyzer = Analyzer(knowledge, rulebook)
        self.layout = Layout(knowledge, self.analyzer.rulebook)
        self._last: _Day | None = None
        self._turning = Lock()

    def __reduce__(self) -> tuple[type[PortfolioEngine], tuple[KnowledgeBase, Rulebook]]:
        """Only what it is made from travels; a process that receives it compiles the tables itself."""
        return PortfolioEngine, (self.analyzer.knowledge, self.analyzer.rulebook)

    def encoder(self, as_of: date) -> Encoder:
        """The encoder for a day."""
        return self._day(as_of).encoder

    def decider(self, vendor: str | None, as_of: date) -> _Decider:
        """The engine of a vendor's service for a day."""
        return self._day(as_of).decider(vendor)

    def _day(self, as_of: date) -> _Day:
        with self._turning:
            if self._last is None or self._last.as_of != as_of:
                self._last = _Day(self.analyzer, as_of)
            return self._last


def analyse_block(institutions: pa.RecordBatch, engine: PortfolioEngine, as_of: date) -> pa.RecordBatch:
    """The state of every control at every institution of a block in the wide layout, as RESULT_SCHEMA.

    Rows: institutions in their order, each one's services in the layout's order (one row without a service where it
    uses none), controls in the knowledge base's order. Equal, cell by cell, to `Analyzer.analyze` of each institution.
    Raises InputError where the block does not keep to the layout.
    """
    batch = engine.layout.conform(institutions, "institutions", lambda row, _column: f"row {row + 1}")
    block = Block(batch)
    encoder = engine.encoder(as_of)
    served = _services(block, engine.layout.vendors)
    order, vendor_of = np.nonzero(served)
    width = len(engine.analyzer.knowledge.controls)
    cells = {name: np.empty((len(order), width), dtype=np.uint8) for name in _WORDS}
    shared = encoder.shared(block)
    vendors: tuple[str | None, ...] = (*engine.layout.vendors, None)
    for number in np.unique(vendor_of):
        vendor = vendors[number]
        places = np.nonzero(vendor_of == number)[0]
        decider = engine.decider(vendor, as_of)
        outcomes = decider.engine.decide(encoder.columns(block, shared, vendor, order[places]))
        for name, codes in decider.codes.items():
            cells[name][places] = codes[outcomes]
    return _results(batch, order, [vendors[number] for number in vendor_of], cells, engine)


def analyse_blocks(blocks: Iterable[pa.RecordBatch], engine: PortfolioEngine, as_of: date) -> Iterator[pa.RecordBatch]:
    """Blocks one after the other, in FLAT_SCHEMA: the form in which partition maps call a function."""
    for block in blocks:
        yield flat(analyse_block(block, engine, as_of))


def partition_map(
    engine: PortfolioEngine, as_of: date, *, plain: bool = False
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """`Iterator[RecordBatch] -> Iterator[RecordBatch]` for another engine's partition map; can be pickled.

    Takes blocks of the wide layout, gives results in FLAT_SCHEMA, or PLAIN_SCHEMA where plain.
    """
    return _PartitionMap(engine, as_of, plain)


@dataclass(frozen=True, slots=True)
class _PartitionMap:
    engine: PortfolioEngine
    as_of: date
    plain: bool

    def __call__(self, blocks: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for results in analyse_blocks(blocks, self.engine, self.as_of):
            yield results.cast(PLAIN_SCHEMA) if self.plain else results


def flat(results: pa.RecordBatch) -> pa.RecordBatch:
    """Results of `analyse_block` in FLAT_SCHEMA, which files and other engines take."""
    arrays: dict[str, Any] = {name: results.column(name) for name in ("control", "conformity", "responsibility")}
    for name in ("institution", "service"):
        arrays[name] = _decoded(results.column(name))
    for name in GAP_COLUMNS:
        indices = results.column(name).indices
        for part, column, words in ((0, name, GAP_KINDS), (1, name.replace("_gap", "_priority"), PRIORITIES)):
            codes = [words.index(word.split(" ")[part]) for word in _GAP_WORDS]
            arrays[column] = pa.DictionaryArray.from_arrays(
                pa.array(codes, pa.int8()).take(indices), pa.array(words, pa.string())
            )
    return pa.RecordBatch.from_arrays([arrays[name] for name in FLAT_SCHEMA.names], schema=FLAT_SCHEMA)


def _decoded(runs: Any) -> Any:
    """Run ends as a dictionary array, without writing out the texts."""
    words = runs.values.dictionary_encode()
    coded = pa.RunEndEncodedArray.from_arrays(runs.run_ends, words.indices).slice(runs.offset, len(runs))
    return pa.DictionaryArray.from_arrays(pc.run_end_decode(coded), words.dictionary, safe=False)


def _services(block: Block, vendors: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Institutions × (vendors, none): which services are in use."""
    used = [block.flags(f"service:{vendor}") == 1 for vendor in vendors]
    without = ~np.any(used, axis=0) if used else np.ones(block.rows, dtype=np.bool_)
    return np.stack([*used, without], axis=1)


def _results(
    batch: pa.RecordBatch,
    order: npt.NDArray[np.intp],
    services: list[str | None],
    cells: dict[str, Codes],
    engine: PortfolioEngine,
) -> pa.RecordBatch:
    controls = list(engine.analyzer.knowledge.controls)
    width, rows = len(controls), len(order)
    ends = pa.array(np.arange(1, rows + 1, dtype=np.int32) * width, pa.int32())
    names = batch.column(batch.schema.names.index(INSTITUTION)).take(pa.array(order))
    arrays: list[Any] = [
        pa.RunEndEncodedArray.from_arrays(ends, names),
        pa.RunEndEncodedArray.from_arrays(ends, pa.array(services, pa.string())),
        pa.DictionaryArray.from_arrays(
            pa.array(np.tile(np.arange(width, dtype=np.int16), rows)), pa.array(controls, pa.string())
        ),
    ]
    for name, words in _WORDS.items():
        codes = cells[name].reshape(-1)
        # Arrow takes the codes as they lie, and of the gaps a bit each for those that are there.
        given = np.packbits(codes != _NO_GAP, bitorder="little") if words is _GAP_WORDS else None
        validity = pa.py_buffer(given) if given is not None else None
        indices = pa.Array.from_buffers(pa.int8(), len(codes), [validity, pa.py_buffer(codes.view(np.int8))])
        arrays.append(pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string())))
    return pa.RecordBatch.from_arrays(arrays, schema=RESULT_SCHEMA)


def _outcome_codes(outcomes: tuple[CellRules, ...]) -> dict[str, Codes]:
    """By outcome number the position of each result column's word."""
    found: dict[str, list[int]] = {name: [] for name in _WORDS}
    for rules in outcomes:
        found["conformity"].append(CONFORMITIES.index(rules.conformity.then["conformity"]))
        found["responsibility"].append(RESPONSIBILITIES.index(rules.responsibility.then["responsibility"]))
        gaps = dict.fromkeys(GAP_COLUMNS, _NO_GAP)
        for party, rule in (("user", rules.user_gap), ("integrator", rules.integrator_gap), (None, rules.vendor_gap)):
            if rule is not None and rule.then["kind"] != "no_gap":
                column = f"{party or rule.then['party']}_gap"
                # A party with two gaps would lose one here; the tables give each party one at the most.
                if gaps[column] != _NO_GAP:
                    raise ValueError(f"two gaps of one party: {rule.id}")
                gaps[column] = _gap_word(rule)
        for column, code in gaps.items():
            found[column].append(code)
    return {name: np.array(codes, dtype=np.uint8) for name, codes in found.items()}


def _gap_word(rule: Rule) -> int:
    return _GAP_WORDS.index(f"{rule.then['kind']} {rule.then['priority']}")
