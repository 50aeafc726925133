"""The rows of the control matrix: a control beside one vendor's answer, and an institution's result where asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from analyzer.engine.interpreter import first_hit
from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.controls import Control, Response
from analyzer.model.results import Assessment, ControlResult
from analyzer.model.vocabulary import PARTIES, PRIORITIES, Disclosure, Party, Priority, Responsibility
from analyzer.search.index import Hit

EvidenceWay = Literal["public", "certification", "interview", "nda", "none"]
EVIDENCE_WAYS: tuple[EvidenceWay, ...] = get_args(EvidenceWay)


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A control and the vendor whose answer stands beside it (None where nobody answers).

    responsibility and parties are those of the source: the answer and the duties written beside it, whatever an
    institution's state. result: the institution's, None without an assessment and where it does not use the service.
    hit: where a search found the row.
    """

    control: Control
    vendor: str | None
    response: Response | None
    evidence_ways: tuple[EvidenceWay, ...]
    responsibility: Responsibility
    parties: tuple[Party, ...]
    result: ControlResult | None = None
    hit: Hit | None = None

    @property
    def vendor_conformity(self) -> str:
        """The vendor's answer, `no_answer` where there is none."""
        return self.response.conformity if self.response else "no_answer"

    @property
    def disclosure(self) -> Disclosure:
        """To whom the proof behind the answer is shown."""
        return self.response.disclosure if self.response else "none"

    @property
    def gap_priority(self) -> Priority | None:
        """The highest priority among the gaps of the result."""
        found = {gap.priority for gap in self.result.gaps} if self.result else ()
        return next((priority for priority in PRIORITIES if priority in found), None)


class RowMaker:
    """Makes the rows of one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
        self._table = rulebook.tables["responsibility"]
        self._divided: dict[tuple[str, bool], Responsibility] = {}
        self._stated = {
            key: tuple(self._row(control, vendor) for vendor in control.responses or (None,))
            for key, control in knowledge.controls.items()
        }

    def rows(self, assessment: Assessment | None = None) -> tuple[MatrixRow, ...]:
        """One row a control and vendor that answers it, a control that nobody answers once; knowledge base order.

        With an assessment, a service in use that leaves a control unanswered has a row there too, so that no result
        is missing. Where an institution uses no service, its one result stands in every row of the control.
        """
        if assessment is None:
            return tuple(row for rows in self._stated.values() for row in rows)
        results: dict[str, dict[str | None, ControlResult]] = {}
        for result in assessment.results:
            results.setdefault(result.control.key, {})[result.service] = result
        return tuple(
            row for key, rows in self._stated.items() for row in self._with_results(rows, results.get(key, {}))
        )

    def _with_results(
        self, rows: tuple[MatrixRow, ...], results: dict[str | None, ControlResult]
    ) -> Iterable[MatrixRow]:
        silent = [service for service in results if service and service not in {row.vendor for row in rows}]
        if not silent or rows[0].vendor is not None:
            for row in rows:
                yield replace(row, result=results.get(row.vendor, results.get(None)))
        for service in silent:
            yield replace(self._row(rows[0].control, service), result=results[service])

    def _row(self, control: Control, vendor: str | None) -> MatrixRow:
        response = control.responses.get(vendor) if vendor else None
        parties = response.duty_parties if response else frozenset()
        return MatrixRow(
            control=control,
            vendor=vendor,
            response=response,
            evidence_ways=_evidence_ways(response),
            responsibility=self._responsibility(
                response.conformity if response else "no_answer", bool(response and response.duties)
            ),
            parties=tuple(party for party in PARTIES if party in parties),
        )

    def _responsibility(self, answer: str, duties: bool) -> Responsibility:
        """What the rulebook's table says; asked once for every combination."""
        if (answer, duties) not in self._divided:
            rule = first_hit(self._table, {"vendor_answer": answer, "duties": "stated" if duties else "unstated"})
            self._divided[answer, duties] = cast(Responsibility, rule.then["responsibility"])
        return self._divided[answer, duties]


def _evidence_ways(response: Response | None) -> tuple[EvidenceWay, ...]:
    """By what the survey confirmed an answer."""
    if response is None:
        return ("none",)
    held = (bool(response.documents), bool(response.certifications), response.interview, response.nda_documents)
    found = tuple(way for way, holds in zip(EVIDENCE_WAYS, held, strict=False) if holds)
    return found or ("none",)
