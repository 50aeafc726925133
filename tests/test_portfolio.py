"""A table of many institutions is judged as each of them alone."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import institutions, synthetic_knowledge

from analyzer.engine.analysis import Analyzer
from analyzer.errors import InputError
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution
from analyzer.portfolio.analysis import (
    FLAT_SCHEMA,
    PLAIN_SCHEMA,
    PortfolioEngine,
    analyse_block,
    flat,
    partition_map,
)
from analyzer.portfolio.records import block_of, institutions_of
from analyzer.portfolio.summary import count_block
from analyzer.portfolio.synthetic import synthetic_blocks
from analyzer.resources import sample_institutions

AS_OF = date(2026, 11, 1)
DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def engine() -> PortfolioEngine:
    """With the second, made-up vendor laid over, so that services differ."""
    return PortfolioEngine(load_knowledge([DATA / "second-vendor"]))


@pytest.fixture(scope="module")
def every_sort() -> PortfolioEngine:
    """With every level, vendor answer, disclosure and division of duties, and facts that take words."""
    return PortfolioEngine(synthetic_knowledge())


@pytest.fixture(scope="module")
def samples(engine: PortfolioEngine) -> list[Institution]:
    files = [*sample_institutions().values(), DATA / "wakaba-dental.yaml"]
    return [load_institution(path, engine.analyzer.knowledge)[0] for path in files]


@pytest.fixture(scope="module")
def population(engine: PortfolioEngine) -> pa.RecordBatch:
    return next(synthetic_blocks(300, 5, engine.layout, engine.analyzer.knowledge, AS_OF))


def block(institutions: Sequence[Institution], engine: PortfolioEngine, as_of: date) -> pa.RecordBatch:
    return block_of(institutions, engine.layout, engine.analyzer.rulebook.policy, as_of)


def alone(institutions: Sequence[Institution], analyzer: Analyzer, as_of: date) -> Iterator[dict[str, str | None]]:
    """What the analysis of each institution says, in the columns of a portfolio's results."""
    for institution in institutions:
        for result in analyzer.analyze(institution, as_of).results:
            row = {
                "institution": institution.id,
                "service": result.service,
                "control": result.control.key,
                "conformity": result.conformity,
                "responsibility": result.responsibility,
            }
            for party in ("user", "integrator", "vendor"):
                own = [gap for gap in result.gaps if gap.party == party]
                assert len(own) <= 1
                row[f"{party}_gap"] = own[0].kind if own else None
                row[f"{party}_priority"] = own[0].priority if own else None
            yield row


def assert_same(together: pa.RecordBatch, institutions: Sequence[Institution], analyzer: Analyzer, as_of: date) -> None:
    def cell(row: dict[str, str | None]) -> tuple[str | None, ...]:
        return row["institution"], row["service"], row["control"]

    ours = {cell(row): row for row in flat(together).to_pylist()}
    expected = {cell(row): row for row in alone(institutions, analyzer, as_of)}
    assert together.num_rows == len(ours)
    assert ours == expected


@pytest.mark.parametrize("as_of", [date(2025, 6, 1), AS_OF, date(2028, 3, 31)])
def test_the_samples_are_judged_as_alone(engine: PortfolioEngine, samples: list[Institution], as_of: date) -> None:
    results = analyse_block(block(samples, engine, as_of), engine, as_of)
    assert_same(results, samples, engine.analyzer, as_of)


def test_a_population_is_judged_as_alone(engine: PortfolioEngine, population: pa.RecordBatch) -> None:
    results = analyse_block(population, engine, AS_OF)
    assert_same(results, list(institutions_of(population, engine.layout, AS_OF)), engine.analyzer, AS_OF)
    assert results.nbytes <= 8 * results.num_rows


@pytest.mark.parametrize("as_of", [date(2025, 4, 30), date(2026, 4, 1), date(2027, 4, 1)])
@given(data=st.data())
@settings(max_examples=15)
def test_institutions_of_every_sort_are_judged_as_alone(
    every_sort: PortfolioEngine, as_of: date, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(institutions(every_sort.analyzer.knowledge), min_size=1, max_size=4))
    named = [replace(institution, id=f"i{number}") for number, institution in enumerate(drawn)]
    results = analyse_block(block(named, every_sort, as_of), every_sort, as_of)
    assert_same(results, named, every_sort.analyzer, as_of)


def test_proof_lapses_and_answers_to_come_do_not_count(engine: PortfolioEngine) -> None:
    key = "mhlw-5:6.5-01/user"
    rows = pa.record_batch(
        {
            "institution": ["lasting", "lapsed", "to-come"],
            "kind": ["clinic"] * 3,
            "service:cybozu.com": [True] * 3,
            f"status:{key}": ["implemented"] * 3,
            f"proof_until:{key}": [date(2026, 11, 1), date(2026, 10, 31), date(2027, 1, 1)],
            f"checked_on:{key}": [None, None, date(2026, 11, 2)],
        }
    )
    found = flat(analyse_block(rows, engine, AS_OF)).to_pylist()
    gaps = {row["institution"]: row["user_gap"] for row in found if row["control"] == "mhlw-5:6.5-01"}
    assert gaps == {"lasting": None, "lapsed": "proof_expired", "to-come": "duty_unanswered"}
    assert_same(
        analyse_block(rows, engine, AS_OF), list(institutions_of(rows, engine.layout, AS_OF)), engine.analyzer, AS_OF
    )


def test_a_block_that_leaves_the_layout_is_refused(engine: PortfolioEngine) -> None:
    rows = pa.record_batch({"institution": ["a", "b"], "kind": ["clinic", "castle"]})
    with pytest.raises(InputError, match=r"row 2, column kind: 'castle' is not one of hospital, clinic"):
        analyse_block(rows, engine, AS_OF)


def test_a_partition_map_gives_what_the_blocks_give(engine: PortfolioEngine, population: pa.RecordBatch) -> None:
    sent = pickle.loads(pickle.dumps(partition_map(engine, AS_OF)))
    parts = [population.slice(0, 120), population.slice(120)]
    found = pa.Table.from_batches(list(sent(iter(parts))), FLAT_SCHEMA)
    whole = pa.Table.from_batches([flat(analyse_block(population, engine, AS_OF))])
    assert found.to_pylist() == whole.to_pylist()


def test_a_partition_map_takes_and_gives_plain_columns(engine: PortfolioEngine, population: pa.RecordBatch) -> None:
    """As Spark's mapInArrow hands batches over: words as strings, empty batches among them."""
    types = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in population.schema]
    texts = population.cast(pa.schema(list(zip(population.schema.names, types, strict=True))))
    parts = [texts.slice(0, 0), texts.slice(0, 20), texts.slice(20, 30)]
    found = list(partition_map(engine, AS_OF, plain=True)(iter(parts)))
    assert all(batch.schema == PLAIN_SCHEMA for batch in found)
    whole = flat(analyse_block(population.slice(0, 50), engine, AS_OF))
    assert pa.Table.from_batches(found).to_pylist() == whole.to_pylist()


def test_the_summary_counts_what_the_analysis_counts(engine: PortfolioEngine, samples: list[Institution]) -> None:
    rows = block(samples, engine, AS_OF)
    results = analyse_block(rows, engine, AS_OF)
    for row, institution in zip(count_block(rows, results).summary.to_pylist(), samples, strict=True):
        summary = engine.analyzer.analyze(institution, AS_OF).summary
        assert row["institution"] == institution.id
        assert (row["controls"], row["applicable"]) == (summary.overall.controls, summary.overall.applicable)
        assert row["rate"] == pytest.approx(summary.overall.rate)
        assert {word: row[word] for word in summary.overall.conformity} == summary.overall.conformity
        assert {word: row[f"gaps_{word}"] for word in summary.gaps_by_kind} == summary.gaps_by_kind
        assert {word: row[f"gaps_{word}"] for word in summary.gaps_by_priority} == summary.gaps_by_priority


def test_the_controls_table_counts_by_kind(engine: PortfolioEngine, population: pa.RecordBatch) -> None:
    results = analyse_block(population, engine, AS_OF)
    kind_of = {row["institution"]: row["kind"] for row in population.select(["institution", "kind"]).to_pylist()}
    expected: dict[tuple[str, str], int] = {}
    for row in flat(results).to_pylist():
        key = (row["control"], kind_of[row["institution"]])
        expected[key] = expected.get(key, 0) + (row["user_gap"] == "duty_open") + (row["integrator_gap"] == "duty_open")
    counted = count_block(population, results).controls.to_pylist()
    assert {(row["control"], row["kind"]): row["gaps_duty_open"] for row in counted if row["gaps_duty_open"]} == {
        key: count for key, count in expected.items() if count
    }
