"""Analyses that are kept, so that progress over time can be shown; each is covered by the audit trail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select

from analyzer.exports.structured import assessment_json
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import Assessment
from analyzer.store import events
from analyzer.store.database import Database, StoreError
from analyzer.store.events import Change
from analyzer.store.parts import ANALYSIS_KIND, Data
from analyzer.store.principal import Principal, may, needs, require
from analyzer.store.records import Clock, UnknownInstitutionError, moment, now
from analyzer.store.tables import ANALYSES, INSTITUTIONS


@dataclass(frozen=True, slots=True)
class SavedAnalysis:
    """A kept analysis. as_of: the day judged by, `2026-11-01`. made_at: the moment in UTC. made_by: the login."""

    id: int
    institution: str
    as_of: str
    knowledge_version: str
    made_at: str
    made_by: str


class Analyses:
    """The analyses of a store. Safe to share between threads. They are never changed and never deleted."""

    def __init__(self, database: Database, knowledge: KnowledgeBase, clock: Clock = now) -> None:
        self._database = database
        self._knowledge = knowledge
        self._clock = clock

    @needs("answer")
    def save(self, principal: Principal, assessment: Assessment, *, source: str = "app") -> SavedAnalysis:
        """Keep an analysis of an institution of the store; the same as the latest one is not kept twice.

        Raises UnknownInstitutionError.
        """
        institution = assessment.institution.id
        require(principal, "answer")
        self._require_known(principal, institution)
        require(principal, "answer", institution)
        document = events.dumps(assessment_json(assessment, knowledge=self._knowledge)) or ""
        made = {
            "institution": institution,
            "as_of": assessment.as_of.isoformat(),
            "knowledge_version": assessment.knowledge_version,
            "made_at": moment(self._clock()),
            "made_by": principal.login,
        }
        with self._database.writing() as connection:
            events.lock(connection)
            if connection.execute(select(INSTITUTIONS.c.id).where(INSTITUTIONS.c.id == institution)).first() is None:
                raise UnknownInstitutionError(f"no institution {institution!r} in the store")
            mine = ANALYSES.c.institution == institution
            query = select(ANALYSES).where(mine).order_by(ANALYSES.c.id.desc()).limit(1)
            latest = connection.execute(query).mappings().one_or_none()
            if latest is not None and latest["document"] == document:
                return _saved(latest)
            adding = insert(ANALYSES).values(**made, document=document).returning(ANALYSES.c.id)
            number: int = connection.execute(adding).scalar_one()
            after = {"as_of": made["as_of"], "sha256": _digest(document)}
            said = Change("analyse", institution, ANALYSIS_KIND, str(number), None, after, source)
            events.append(connection, principal.login, made["made_at"], [said])
        return SavedAnalysis(id=number, **made)

    @needs("read")
    def saved(self, principal: Principal, institution: str) -> list[SavedAnalysis]:
        """The kept analyses of an institution, the latest first."""
        require(principal, "read")
        self._require_known(principal, institution)
        columns = [column for column in ANALYSES.columns if column.name != "document"]
        query = select(*columns).where(ANALYSES.c.institution == institution).order_by(ANALYSES.c.id.desc())
        with self._database.reading() as connection:
            return [_saved(row) for row in connection.execute(query).mappings()]

    @needs("read")
    def progress(self, principal: Principal, institution: str) -> list[tuple[SavedAnalysis, Data]]:
        """Every kept analysis with the `summary` of its document, the earliest first."""
        require(principal, "read")
        self._require_known(principal, institution)
        query = select(ANALYSES).where(ANALYSES.c.institution == institution).order_by(ANALYSES.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [(_saved(row), events.loads(row["document"])["summary"]) for row in rows]

    @needs("read")
    def read(self, principal: Principal, institution: str, number: int) -> Data:
        """The document of a kept analysis, as `exports.structured.assessment_json` made it. Raises StoreError."""
        require(principal, "read")
        self._require_known(principal, institution)
        query = select(ANALYSES).where((ANALYSES.c.institution == institution) & (ANALYSES.c.id == number))
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise StoreError(f"{institution}: no analysis {number}")
        return events.loads(row["document"])

    @staticmethod
    def _require_known(principal: Principal, institution: str) -> None:
        if not may(principal, "read", institution):
            raise UnknownInstitutionError(f"no institution {institution!r} in the store")


def analysis_digests(connection: Connection) -> dict[tuple[str, str], str]:
    """What the trail has to say of every kept analysis: (institution, its number) → SHA-256 of its document."""
    query = select(ANALYSES.c.institution, ANALYSES.c.id, ANALYSES.c.document).order_by(ANALYSES.c.id)
    rows = connection.execute(query.execution_options(yield_per=20))
    return {(row.institution, str(row.id)): _digest(row.document) for row in rows}


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def _saved(row: RowMapping) -> SavedAnalysis:
    return SavedAnalysis(
        id=row["id"],
        institution=row["institution"],
        as_of=row["as_of"],
        knowledge_version=row["knowledge_version"],
        made_at=row["made_at"],
        made_by=row["made_by"],
    )
