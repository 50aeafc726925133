"""A portfolio says of many institutions what the analysis says of each, from memory as from a run's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyzer.errors import InputError, SanshoError
from analyzer.exports.portfolio_overview import (
    RATE_BANDS,
    Axis,
    InstitutionCounts,
    PortfolioSummary,
    ResultCounts,
    portfolio_overview,
    rate_band,
    summed,
)
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution
from analyzer.model.results import Assessment
from analyzer.portfolio import reading
from analyzer.portfolio.analysis import PortfolioEngine
from analyzer.portfolio.reading import Portfolio, open_run, portfolio_of
from analyzer.portfolio.records import institutions_of
from analyzer.portfolio.running import run_portfolio
from analyzer.portfolio.sizes import load_sizes, shipped_sizes
from analyzer.portfolio.sources import TableSource
from analyzer.portfolio.synthetic import synthetic_blocks
from analyzer.resources import sample_institutions

AS_OF = date(2026, 11, 1)
DATA = Path(__file__).parent / "data"
COUNT = 60


@pytest.fixture(scope="module")
def engine() -> PortfolioEngine:
    """With the second, made-up vendor laid over, so that some institutions use two services."""
    return PortfolioEngine(load_knowledge([DATA / "second-vendor"]))


@pytest.fixture(scope="module")
def folder(engine: PortfolioEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two files in blocks of 16."""
    folder = tmp_path_factory.mktemp("portfolio")
    block = next(synthetic_blocks(COUNT, 5, engine.layout, engine.analyzer.knowledge, AS_OF))
    pq.write_table(pa.Table.from_batches([block]), folder / "made-up.parquet")
    source = TableSource([folder / "made-up.parquet"], "made-up", engine.layout)
    run_portfolio(source, engine, AS_OF, folder / "run", block_size=16)
    return folder / "run"


@pytest.fixture(scope="module")
def institutions(engine: PortfolioEngine) -> list[Institution]:
    block = next(synthetic_blocks(COUNT, 5, engine.layout, engine.analyzer.knowledge, AS_OF))
    return list(institutions_of(block, engine.layout, AS_OF))


@pytest.fixture(scope="module")
def assessments(engine: PortfolioEngine, institutions: list[Institution]) -> list[Assessment]:
    found = [engine.analyzer.analyze(institution, AS_OF) for institution in institutions]
    assert any(len(institution.services) == 2 for institution in institutions)
    assert any(not institution.services for institution in institutions)
    return found


@pytest.fixture(scope="module", params=["memory", "folder"])
def portfolio(
    request: pytest.FixtureRequest, engine: PortfolioEngine, folder: Path, institutions: list[Institution]
) -> Portfolio:
    if request.param == "folder":
        return open_run(folder, engine.analyzer.knowledge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_SIZE", 16)
        return portfolio_of(iter(institutions), engine, AS_OF)


def counts_of(assessments: Sequence[Assessment]) -> ResultCounts:
    results = [result for assessment in assessments for result in assessment.results]
    gaps = Counter(gap.priority for result in results for gap in result.gaps)
    return ResultCounts(dict(Counter(result.conformity for result in results)), dict(gaps))


def same(ours: ResultCounts, expected: ResultCounts) -> bool:
    """Whether counts are equal; words left out count 0."""
    return all(
        {word: count for word, count in a.items() if count} == dict(b)
        for a, b in ((ours.conformity, expected.conformity), (ours.gaps, expected.gaps))
    )


def test_institutions_and_totals_are_those_of_the_analyses(
    portfolio: Portfolio, institutions: list[Institution], assessments: list[Assessment]
) -> None:
    summary = portfolio.summary()
    assert summary is portfolio.summary()
    assert (summary.institutions, summary.fictional) == (portfolio.institutions, portfolio.fictional) == (COUNT, COUNT)
    assert (summary.as_of, summary.knowledge_version) == (portfolio.as_of, portfolio.knowledge_version)
    assert same(summary.total, counts_of(assessments))
    ranked = {each.id: each for each in summary.ranked}
    bands = [0] * RATE_BANDS
    for institution, assessment in zip(institutions, assessments, strict=True):
        found = ranked[institution.id]
        assert (found.name, found.kind, found.region) == (institution.name, institution.kind, institution.region)
        assert same(found.counts, counts_of([assessment]))
        assert found.counts.rate == pytest.approx(assessment.summary.overall.rate)
        bands[rate_band(found.counts.rate or 0)] += 1
    assert list(summary.rate_bands) == bands
    rates = [each.counts.rate or 0 for each in summary.ranked]
    assert rates == sorted(rates)


def test_groups_are_the_sums_of_their_institutions(portfolio: Portfolio) -> None:
    summary = portfolio.summary()
    members: dict[tuple[Axis, str | None], list[InstitutionCounts]] = {}
    for each in summary.ranked:
        places: tuple[tuple[Axis, str | None], ...] = (
            ("kind", each.kind),
            ("size", each.size),
            ("region", each.region),
        )
        for place in places:
            members.setdefault(place, []).append(each)
    groups = {(group.axis, group.group): group for group in summary.groups}
    assert groups.keys() == members.keys()
    for place, own in members.items():
        assert groups[place].institutions == len(own)
        assert groups[place].counts == summed(each.counts for each in own)
    labels = shipped_sizes().labels
    sizes = [group.group for group in summary.groups if group.axis == "size"]
    assert sizes == [label for label in labels if label in sizes]


def test_sections_missed_controls_and_gaps_are_counted(
    portfolio: Portfolio, engine: PortfolioEngine, institutions: list[Institution], assessments: list[Assessment]
) -> None:
    sections: Counter[tuple[str, str, str, str]] = Counter()
    applying: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    gaps: Counter[tuple[str, str, str, str]] = Counter()
    for institution, assessment in zip(institutions, assessments, strict=True):
        for result in assessment.results:
            section = result.control.section
            sections[section.guideline, section.id, institution.kind, result.conformity] += 1
        # An institution counts once, however many of its services are concerned.
        applying.update({r.control.key for r in assessment.results if r.conformity != "not_applicable"})
        failing = ("nonconforming", "partial", "not_assessed")
        missing.update({r.control.key for r in assessment.results if r.conformity in failing})
        gaps.update({(r.control.key, g.party, g.kind, g.priority) for r in assessment.results for g in r.gaps})
    summary = portfolio.summary()
    assert {
        (each.guideline, each.section, each.kind, word): count
        for each in summary.sections
        for word, count in each.conformity.items()
        if count
    } == dict(sections)
    assert [each.control for each in summary.missed] == list(engine.analyzer.knowledge.controls)
    assert all(
        (each.applicable, each.missing) == (applying[each.control], missing[each.control]) for each in summary.missed
    )
    assert {(g.control, g.party, g.kind, g.priority): g.institutions for g in summary.gaps} == dict(gaps)


def test_the_cells_of_an_institution_are_its_results(
    portfolio: Portfolio, institutions: list[Institution], assessments: list[Assessment]
) -> None:
    for institution, assessment in zip(institutions, assessments, strict=True):
        expected = {
            (r.service, r.control.key): (
                r.conformity,
                r.responsibility,
                {(g.party, g.kind, g.priority) for g in r.gaps},
            )
            for r in assessment.results
        }
        cells = portfolio.cells(institution.id)
        assert {(c.service, c.control): (c.conformity, c.responsibility, set(c.gaps)) for c in cells} == expected
        assert len(cells) == len(expected)
    assert portfolio.cells("nobody") == ()


def test_institutions_are_found_by_id_and_part_of_the_name(portfolio: Portfolio) -> None:
    assert [each.id for each in portfolio.find("FICTIONAL-000003", 3)] == [f"fictional-000003{n}" for n in range(3)]
    assert {each.name for each in portfolio.find("診療所３", 100)} == {
        each.name for each in portfolio.summary().ranked if "診療所3" in each.name
    }
    assert [each.id for each in portfolio.find("", 2)] == ["fictional-0000001", "fictional-0000002"]
    assert portfolio.find("nobody", 5) == ()
    found = portfolio.institution("fictional-0000040")
    assert found in portfolio.summary().ranked
    assert portfolio.institution("fictional-004") is None


def test_only_the_lowest_are_ranked(engine: PortfolioEngine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = open_run(folder, engine.analyzer.knowledge).summary().ranked
    monkeypatch.setattr(reading, "MOST_RANKED", 7)
    assert open_run(folder, engine.analyzer.knowledge).summary().ranked == everyone[:7]


def test_an_overview_can_be_made(portfolio: Portfolio, engine: PortfolioEngine) -> None:
    assert portfolio_overview(portfolio.summary(), engine.analyzer.knowledge, engine.analyzer.rulebook)


def test_nobody_is_a_portfolio_of_nobody(engine: PortfolioEngine) -> None:
    empty = portfolio_of([], engine, AS_OF)
    summary: PortfolioSummary = empty.summary()
    assert (summary.institutions, summary.ranked, summary.groups) == (0, (), ())
    assert empty.find("a", 3) == ()


def test_an_institution_that_comes_twice_is_refused(engine: PortfolioEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_SIZE", 1)
    path = next(iter(sample_institutions().values()))
    institution = load_institution(path, engine.analyzer.knowledge)[0]

    def twice() -> Iterator[Institution]:
        yield institution
        yield institution

    with pytest.raises(InputError, match="the id comes twice"):
        portfolio_of(twice(), engine, AS_OF)


def test_a_folder_without_a_run_and_a_damaged_run_are_told(
    engine: PortfolioEngine, tmp_path: Path, folder: Path
) -> None:
    knowledge = engine.analyzer.knowledge
    with pytest.raises(SanshoError, match="holds no portfolio"):
        open_run(tmp_path, knowledge)
    (tmp_path / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(SanshoError, match="written by another version"):
        open_run(tmp_path, knowledge)
    (tmp_path / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    with pytest.raises(SanshoError, match=r"groups\.parquet: cannot be read|summary\.parquet: cannot be read"):
        open_run(tmp_path, knowledge).summary()


@pytest.mark.parametrize(
    ("kind", "beds", "staff", "label"),
    [
        ("hospital", 99, 500, "病床 99以下"),
        ("hospital", 200, 1, "病床 200–399"),
        ("hospital", 400, None, "病床 400以上"),
        ("hospital", None, 500, None),
        ("clinic", 19, 4, "職員 4人以下"),
        ("dental", None, 5, "職員 5–9人"),
        ("pharmacy", None, None, None),
    ],
)
def test_size_goes_by_beds_in_hospitals_and_by_staff_elsewhere(
    engine: PortfolioEngine,
    institutions: list[Institution],
    kind: str,
    beds: int | None,
    staff: int | None,
    label: str | None,
) -> None:
    one = replace(institutions[0], kind=kind, beds=beds, staff=staff)
    assert portfolio_of([one], engine, AS_OF).summary().ranked[0].size == label


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("[{from: 1, label: a}]", r"sizes\[0\]\.classes\[0\]: classes begin at 0"),
        ("[{from: 0, label: a}, {from: 0, label: b}]", r"sizes\[0\]\.classes\[1\]: classes begin at 0 and each at"),
        ("[{from: 0, label: a}, {from: 5, label: a}]", "the label 'a' is given twice"),
        ("[{from: 0}]", "'label' is missing"),
    ],
)
def test_faults_of_size_classes_are_told(tmp_path: Path, classes: str, message: str) -> None:
    path = tmp_path / "portfolio.yaml"
    path.write_text(f"sizes:\n  - by: staff\n    classes: {classes}\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"portfolio\.yaml:3: .*{message}"):
        load_sizes(path)
