"""Institutions as rows of the wide layout, and rows as institutions again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, cast

import pyarrow as pa

from analyzer.engine import periods
from analyzer.engine.rulebook import Policy
from analyzer.model.controls import Place
from analyzer.model.institution import Answer, Evidence, Institution, Review, Service
from analyzer.model.vocabulary import Party
from analyzer.portfolio.layout import DOCUMENTS, INSTITUTION, Layout, answer_column, review_column

Row = dict[str, Any]


def block_of(institutions: Sequence[Institution], layout: Layout, policy: Policy, as_of: date) -> pa.RecordBatch:
    """Institutions as a block of the wide layout, as they stand at `as_of`; columns that nobody fills are left out.

    Of several looks at the same documents the latest up to as_of is kept; proof is what the evidence proves that day.
    """
    rows = [_row(institution, policy, as_of) for institution in institutions]
    used = {name for row in rows for name, value in row.items() if value is not None}
    names = [name for name in layout.columns if name in used or name in {INSTITUTION, "kind"}]
    schema = layout.empty(names)
    arrays = [
        pa.array([row.get(field.name) for row in rows], pa.string()).dictionary_encode()
        if pa.types.is_dictionary(field.type)
        else pa.array([row.get(field.name) for row in rows], field.type)
        for field in schema
    ]
    batch = pa.RecordBatch.from_arrays(arrays, names=names)
    return layout.conform(batch, "institutions", lambda row, _column: f"institution {institutions[row].id}")


def institutions_of(block: pa.RecordBatch, layout: Layout, as_of: date) -> Iterator[Institution]:
    """The institutions of a block in the wide layout, to look at one alone or to make its documents.

    Evidence that a table only tells the state of is stood in for by one piece a state, so that every institution is
    judged at as_of as its row is.
    """
    names = block.schema.names
    for number in range(block.num_rows):
        row = {name: block.column(index)[number].as_py() for index, name in enumerate(names)}
        yield _institution({name: value for name, value in row.items() if value is not None}, layout, as_of)


def _row(institution: Institution, policy: Policy, as_of: date) -> Row:
    row: Row = {
        INSTITUTION: institution.id,
        "name": institution.name,
        "kind": institution.kind,
        "beds": institution.beds,
        "staff": institution.staff,
        "region": institution.region,
        "fictional": institution.fictional,
        "integrator": institution.integrator_presence,
        "integrator_name": institution.integrator,
        **{f"fact:{fact}": value for fact, value in institution.facts.items()},
    }
    for service in institution.services:
        row[f"service:{service.vendor}"] = True
        row[f"nda:{service.vendor}"] = service.nda_concluded_on
        for review in service.reviews:
            if review.reviewed_on > as_of:
                continue
            for section in review.sections or (None,):
                name = review_column(service.vendor, review.documents, section)
                row[name] = max(row.get(name, review.reviewed_on), review.reviewed_on)
    for (control, party), answer in institution.answers.items():
        proof = periods.proof_state((institution.evidence[item] for item in answer.evidence), as_of, policy)
        row[answer_column("status", control, party)] = answer.status
        row[answer_column("proof", control, party)] = proof
        row[answer_column("recheck", control, party)] = "carried_over" if answer.carried_over else "done"
        row[answer_column("checked_on", control, party)] = answer.checked_on
        row[answer_column("due", control, party)] = answer.due
    return row


def _institution(row: Row, layout: Layout, as_of: date) -> Institution:
    place = Place(f"institution {row[INSTITUTION]}", ())
    evidence: dict[str, Evidence] = {}
    answers = dict(_answers(row, layout, as_of, evidence, place))
    return Institution(
        id=row[INSTITUTION],
        name=row["name"] if "name" in row else row[INSTITUTION],
        kind=row["kind"],
        beds=row.get("beds"),
        staff=row.get("staff"),
        region=row.get("region"),
        fictional=row.get("fictional", False),
        facts={name.removeprefix("fact:"): value for name, value in row.items() if name.startswith("fact:")},
        integrator_presence=row.get("integrator", "unknown"),
        integrator=row.get("integrator_name"),
        services=tuple(
            Service(vendor, None, row.get(f"nda:{vendor}"), tuple(_reviews(row, vendor, layout)))
            for vendor in layout.vendors
            if row.get(f"service:{vendor}")
        ),
        answers=answers,
        evidence=evidence,
        place=place,
    )


def _reviews(row: Row, vendor: str, layout: Layout) -> Iterator[Review]:
    for documents in DOCUMENTS:
        prefix = review_column(vendor, documents, None)
        for name, day in row.items():
            if name == prefix or name.startswith(f"{prefix}/"):
                section = layout.columns[name].key.removeprefix(f"{vendor}/{documents}").removeprefix("/")
                yield Review(cast(Any, documents), day, (section,) if section else (), None, None)


def _answers(
    row: Row, layout: Layout, as_of: date, evidence: dict[str, Evidence], place: Place
) -> Iterable[tuple[tuple[str, Party], Answer]]:
    for name, status in row.items():
        if not name.startswith("status:"):
            continue
        control, _, holder = layout.columns[name].key.rpartition("/")
        party = cast(Party, holder)
        until = row.get(answer_column("proof_until", control, party))
        proof = row.get(answer_column("proof", control, party), "current" if until else "missing")
        piece = _stand_in(proof, until, as_of)
        if piece is not None:
            evidence.setdefault(piece.id, piece)
        yield (
            (control, party),
            Answer(
                control=control,
                party=party,
                status=status,
                reason=None,
                evidence=(piece.id,) if piece else (),
                checked_on=row.get(answer_column("checked_on", control, party)),
                due=row.get(answer_column("due", control, party)),
                owner=None,
                note=None,
                carried_over=row.get(answer_column("recheck", control, party)) == "carried_over",
                place=place,
            ),
        )


def _stand_in(proof: str, until: date | None, as_of: date) -> Evidence | None:
    """A piece of evidence that proves at as_of what the table says, and nothing after its last day."""
    if proof == "missing":
        return None
    yesterday = as_of - timedelta(days=1)
    last = (until or as_of) if proof == "current" else min(until or yesterday, yesterday)
    return Evidence(
        id=f"{proof}-{last.isoformat()}",
        title="表に記された証跡",
        kind="other",
        issued_on=min(last, as_of),
        valid_until=last,
        covers_from=None,
        covers_to=None,
        location=None,
        note=None,
    )
