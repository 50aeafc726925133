"""The landing page's fragments: the knowledge base in figures, where each reader begins, age of the guidelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta

from analyzer.engine.periods import survey_state
from analyzer.engine.rulebook import Rulebook
from analyzer.exports.templating import render_html
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.counts import count_knowledge
from analyzer.model.catalog import Guideline
from analyzer.model.results import Assessment


@dataclass(frozen=True, slots=True)
class GuidelineAge:
    """An encoded guideline as of a day: whole years since it was published, and what has replaced the edition.

    followed_by: the current edition's or successor's title; None where this edition is in force.
    """

    guideline: Guideline
    controls: int
    years: int
    followed_by: str | None


def notice_fragment(knowledge: KnowledgeBase, as_of: date) -> str:
    """A plain warning that names every encoded edition that is no longer in force; empty where there is none."""
    superseded = [age for age in guideline_ages(knowledge, as_of) if not age.guideline.in_force]
    return _render("overview_notice", superseded=superseded) if superseded else ""


def figures_fragment(knowledge: KnowledgeBase) -> str:
    """How much the knowledge base holds."""
    counts = count_knowledge(knowledge)
    relations = sum(len(crosswalk.relations) for crosswalk in knowledge.crosswalks)
    return _render("overview_figures", counts=counts, facts=len(knowledge.facts), relations=relations)


def readers_fragment() -> str:
    """What an auditor, an institution and a consultant do first."""
    return _render("overview_readers")


def guidelines_fragment(knowledge: KnowledgeBase, rulebook: Rulebook, as_of: date) -> str:
    """The guidelines with edition, age and successor, and the vendors' surveys with theirs."""
    surveys = [
        (vendor, survey_state(vendor.survey, as_of, rulebook.policy), _years(vendor.survey.surveyed_on, as_of))
        for vendor in knowledge.vendors.values()
    ]
    return _render(
        "overview_guidelines",
        ages=guideline_ages(knowledge, as_of),
        surveys=surveys,
        policy=rulebook.policy,
        as_of=as_of,
    )


def institutions_fragment(assessments: Sequence[Assessment], rulebook: Rulebook) -> str:
    """The institutions with how far each has come; every name leads to its gaps."""
    return _render("overview_institutions", assessments=assessments, term=rulebook.term)


def guideline_ages(knowledge: KnowledgeBase, as_of: date) -> tuple[GuidelineAge, ...]:
    """The guidelines that have controls or clauses here, in the catalogue's order."""
    counted = {item.guideline.id: item.controls for item in count_knowledge(knowledge).guidelines}
    cited = {clause.guideline for clause in knowledge.clauses.values()}
    return tuple(
        GuidelineAge(
            guideline,
            counted.get(guideline.id, 0),
            _years(_first_day(guideline.published), as_of),
            _followed_by(guideline, knowledge),
        )
        for guideline in knowledge.guidelines.values()
        if guideline.id in counted or guideline.id in cited
    )


def _followed_by(guideline: Guideline, knowledge: KnowledgeBase) -> str | None:
    if guideline.in_force:
        return None
    if guideline.later_editions:
        return f"{guideline.title.ja} {guideline.later_editions[-1].edition}"
    last = guideline
    while last.successor is not None:
        last = knowledge.guidelines[last.successor]
    return f"{last.title.ja} {last.edition or ''}".strip() if last is not guideline else None


def _first_day(published: str) -> date:
    """The first day that `2017-05-30`, `2017-05` or `2017` can mean."""
    parts = [int(part) for part in published.split("-")]
    return date(*[*parts, 1, 1][:3])


def _years(since: date, as_of: date) -> int:
    return relativedelta(as_of, since).years


def _render(template: str, **context: object) -> str:
    return render_html(f"screens/{template}.html.j2", **context).decode("utf-8")
