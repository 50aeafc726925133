"""Relations between guidelines: read from both sides, judged completely, offered and never taken over."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from analyzer.cli.main import main
from analyzer.engine.analysis import Analyzer
from analyzer.errors import InputError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.crosswalk import Crosswalk, Relation, RelationKind, Unrelated
from analyzer.model.institution import Answer, Institution
from analyzer.resources import controls_dir, evidence_dir, sample_institutions
from analyzer.search.crosswalk import Candidate, measure, suggest

AS_OF = date(2026, 11, 1)
FIRST, SECOND = "mhlw-5:6.5-07", "mhlw-5:6.5-08"


def related(knowledge: KnowledgeBase, kind: RelationKind) -> KnowledgeBase:
    """The knowledge base with one relation: 6.5-07 is `kind` to 6.5-08."""
    place = knowledge.controls[FIRST].place
    relation = Relation(FIRST, SECOND, kind, "アクセスの記録", "ours", place)
    return replace(knowledge, crosswalks=(Crosswalk("mhlw-5", "mhlw-5", (relation,), (), place),))


def hospital(knowledge: KnowledgeBase, *answers: Answer) -> Institution:
    institution, _ = load_institution(sample_institutions()["minato-general-hospital"], knowledge)
    return replace(institution, answers={(answer.control, answer.party): answer for answer in answers})


def answer(knowledge: KnowledgeBase, control: str, **more: object) -> Answer:
    base = Answer(control, "user", "implemented", None, (), None, None, None, None, False,
                  knowledge.controls[control].place)  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "reversed_kind"),
    [("equal", "equal"), ("superset", "subset"), ("subset", "superset"), ("overlaps", "overlaps")],
)
def test_an_answer_is_offered_to_the_related_control_with_what_the_source_is_to_it(
    knowledge: KnowledgeBase, kind: RelationKind, reversed_kind: RelationKind
) -> None:
    base = related(knowledge, kind)
    valid = next(
        item.id for item in hospital(base).evidence.values() if item.issued_on < AS_OF and item.valid_until is None
    )
    for given, wanting, expected in ((FIRST, SECOND, kind), (SECOND, FIRST, reversed_kind)):
        told = Analyzer(base).analyze(hospital(base, answer(base, given, evidence=(valid,))), AS_OF)
        (offer,) = told.suggestions
        assert (offer.control, offer.party, offer.source, offer.relation) == (wanting, "user", given, expected)
        assert (offer.status, offer.evidence) == ("implemented", (valid,))


def test_a_relation_changes_no_result(knowledge: KnowledgeBase) -> None:
    base = related(knowledge, "equal")
    institution = hospital(base, answer(base, FIRST))
    with_relation = Analyzer(base).analyze(institution, AS_OF)
    without = Analyzer(replace(knowledge, crosswalks=())).analyze(institution, AS_OF)
    assert with_relation.results == without.results and with_relation.summary == without.summary
    assert with_relation.suggestions and not without.suggestions


def test_what_is_not_applicable_or_shown_already_is_not_offered(knowledge: KnowledgeBase) -> None:
    base = related(knowledge, "equal")
    declared = answer(base, FIRST, status="not_applicable", reason="該当しない")
    assert not Analyzer(base).analyze(hospital(base, declared), AS_OF).suggestions
    evidence = next(item for item in hospital(base).evidence.values() if item.issued_on < AS_OF)
    lasting = replace(evidence, valid_until=date(2030, 1, 1))
    both = (answer(base, FIRST, evidence=(evidence.id,)), answer(base, SECOND, evidence=(evidence.id,)))
    institution = replace(hospital(base, *both), evidence={evidence.id: lasting})
    assert not Analyzer(base).analyze(institution, AS_OF).suggestions


def test_every_control_of_the_second_guideline_is_judged(knowledge: KnowledgeBase) -> None:
    for crosswalk in knowledge.crosswalks:
        judged = {relation.second for relation in crosswalk.relations} | {
            unrelated.control for unrelated in crosswalk.unrelated
        }
        assert judged == {key for key, c in knowledge.controls.items() if c.guideline == crosswalk.second}
        assert all(relation.source == "ours" for relation in crosswalk.relations)


@pytest.fixture
def walked(tmp_path: Path) -> Path:
    """A knowledge base of one's own whose only crosswalk is between MHLW's and itself; returns the crosswalk's file."""
    shutil.copytree(controls_dir(), tmp_path / "controls")
    shutil.copytree(evidence_dir() / "vendors", tmp_path / "evidence" / "vendors")
    shutil.rmtree(tmp_path / "controls" / "crosswalk", ignore_errors=True)
    (tmp_path / "controls" / "crosswalk").mkdir()
    return tmp_path / "controls" / "crosswalk" / "mhlw-5--mhlw-5.yaml"


@pytest.mark.parametrize(
    ("relations", "unrelated", "reason"),
    [
        ([("6.5-07", "6.5-99", "equal")], [], "no control 'mhlw-5:6.5-99'"),
        ([("6.5-07", "6.5-08", "equal"), ("6.5-07", "6.5-08", "subset")], [], "are related twice"),
        ([("6.5-07", "6.5-08", "same")], [], "'same' is not one of equal, superset, subset, overlaps"),
        ([("6.5-07", "6.5-08", "equal")], ["6.5-08"], "is judged already"),
        ([], ["6.5-99"], "no control 'mhlw-5:6.5-99'"),
    ],
)
def test_a_faulty_crosswalk_is_refused(
    walked: Path, relations: list[tuple[str, str, str]], unrelated: list[str], reason: str
) -> None:
    data = {
        "from": "mhlw-5",
        "to": "mhlw-5",
        "relations": [
            {"from": first, "to": second, "relation": kind, "reason": "x", "source": "ours"}
            for first, second, kind in relations
        ],
        "unrelated": [{"to": control, "reason": "x"} for control in unrelated],
    }
    walked.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    with pytest.raises(InputError, match=reason) as caught:
        load_knowledge([walked.parent.parent])
    assert all(problem.line for problem in caught.value.problems)


def test_controls_that_nobody_judged_are_warned_of(walked: Path) -> None:
    walked.write_text("{from: mhlw-5, to: mhlw-5, relations: [], unrelated: []}", "utf-8")
    loaded = load_knowledge([walked.parent.parent])
    warned = [warning for warning in loaded.warnings if "neither related" in str(warning)]
    assert len(warned) == sum(control.guideline == "mhlw-5" for control in loaded.controls.values())


def test_the_most_alike_are_proposed_first(knowledge: KnowledgeBase) -> None:
    found = suggest(knowledge, "mhlw-5", "mhlw-5", 6)
    for control, items in groupby(found, key=lambda item: item.second):
        group = list(items)
        assert [item.score for item in group] == sorted((item.score for item in group), reverse=True)
        # Some items repeat another's words, so a control may share the first place with its double.
        assert control in [item.first for item in group if item.score == group[0].score], control.key


def test_precision_and_recall_are_what_they_say(knowledge: KnowledgeBase) -> None:
    controls = list(knowledge.controls.values())[:4]
    a, b, c, d = controls
    place = a.place
    walk = Crosswalk(
        "mhlw-5",
        "mhlw-5",
        tuple(Relation(x.key, y.key, "equal", "x", "ours", place) for x, y in ((a, c), (b, c), (a, d))),
        (Unrelated(b.key, "mhlw-5", "x", place),),
        place,
    )
    candidates = [
        Candidate(a, c, 90),
        Candidate(d, c, 80),
        Candidate(b, d, 70),
        Candidate(a, d, 60),
        Candidate(a, b, 50),
    ]
    one, two = measure(candidates, walk, 1), measure(candidates, walk, 2)
    assert (one.precision, one.recall, one.reached) == (1 / 2, 1 / 3, 1 / 2)
    assert (two.precision, two.recall, two.reached) == (2 / 4, 2 / 3, 1.0)


def test_the_documented_figures_are_the_measured_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crosswalk", "measure"]) == 0
    documented = Path(__file__).resolve().parent.parent / "docs" / "crosswalk.md"
    assert capsys.readouterr().out in documented.read_text("utf-8")


def test_candidates_that_are_held_are_marked_or_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crosswalk", "suggest", "--limit", "3", "--format", "json"]) == 0
    every = json.loads(capsys.readouterr().out)["candidates"]
    assert main(["crosswalk", "suggest", "--limit", "3", "--format", "json", "--new"]) == 0
    assert json.loads(capsys.readouterr().out)["candidates"] == [item for item in every if not item["held"]]
    assert any(item["held"] for item in every)
    assert main(["crosswalk", "suggest", "--from", "iso"]) == 2
