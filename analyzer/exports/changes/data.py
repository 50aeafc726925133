"""Comparisons as JSON for programs. Keys stand in a fixed order; nothing that a comparison holds is left out."""

from __future__ import annotations

from datetime import date
from typing import Any

from analyzer.comparison.controls_changes import CHANGE_KINDS, SUBJECTS, ControlsChanges, FieldChange, RecordChange
from analyzer.comparison.documents import AnalysisDocument, DutyState, GapState
from analyzer.comparison.progress import MOVEMENTS, GapProgress, Progress, SectionProgress
from analyzer.exports.changes.notices import controls_notices, progress_notices

Data = dict[str, Any]


def controls_changes_json(changes: ControlsChanges) -> Data:
    """`{kind: "controls", old: {version}, new: {version}, notices, counts, guidelines, not_compared, changes: [...]}`.

    A change has subject, key, change (added, removed, changed) and either `record`, whole, or `fields`: path, old and
    new; where the field is a list, `removed` and `added` instead, in which order means nothing.
    """
    return {
        "kind": "controls",
        "old": {"version": changes.old_version},
        "new": {"version": changes.new_version},
        "notices": list(controls_notices(changes)),
        "counts": {subject: {kind: len(changes.of(subject, kind)) for kind in CHANGE_KINDS} for subject in SUBJECTS},
        "guidelines": [
            {"guideline": scope.guideline, "old": scope.old, "new": scope.new, **scope.kinds}
            for scope in changes.scopes
        ],
        "not_compared": list(changes.not_compared),
        "changes": [_change(change) for change in changes.changes],
    }


def _change(change: RecordChange) -> Data:
    data: Data = {"subject": change.subject, "key": change.key, "change": change.kind}
    if change.kind == "changed":
        return {**data, "fields": [_field(field) for field in change.fields]}
    return {**data, "record": change.record}


def _field(field: FieldChange) -> Data:
    path = list(field.path)
    if isinstance(field.old, list) and isinstance(field.new, list):
        return {"path": path, "removed": field.old, "added": field.new}
    return {"path": path, "old": field.old, "new": field.new}


def progress_json(progress: Progress) -> Data:
    """`{kind: "analysis", institution, old, new, versions_differ, notices, directions, gap_counts, sections, controls,
    gaps: {opened, open, closed}}`: every control on both sides, every gap with what its party answered on both sides.
    """
    return {
        "kind": "analysis",
        "institution": {
            "id": progress.new.institution,
            "name": progress.new.name,
            "fictional": progress.new.fictional,
        },
        "old": _side(progress.old),
        "new": _side(progress.new),
        "days": progress.days,
        "versions_differ": progress.versions_differ,
        "notices": list(progress_notices(progress)),
        "directions": dict(progress.directions()),
        "gap_counts": {
            movement: {
                "total": len(progress.moved(movement)),
                "by_priority": dict(progress.priorities(movement)),
                "by_cause": dict(progress.causes(movement)),
            }
            for movement in MOVEMENTS
        },
        "sections": [_section(section) for section in progress.sections],
        "controls": [
            {
                "control": control.control,
                "service": control.service,
                "before": control.before,
                "after": control.after,
                "direction": control.direction,
            }
            for control in progress.controls
        ],
        "gaps": {movement: [_gap(gap) for gap in progress.moved(movement)] for movement in MOVEMENTS},
    }


def _side(side: AnalysisDocument) -> Data:
    return {
        "version": side.version,
        "as_of": side.as_of.isoformat(),
        "name": side.name,
        "conformity": dict(side.conformity),
        "gaps": sum(len(result.gaps) for result in side.results.values()),
    }


def _section(section: SectionProgress) -> Data:
    return {
        "guideline": section.guideline,
        "section": section.section,
        "before": dict(section.before) if section.before else None,
        "after": dict(section.after) if section.after else None,
    }


def _gap(gap: GapProgress) -> Data:
    return {
        "control": gap.control,
        "service": gap.service,
        "kind": gap.kind,
        "party": gap.party,
        "cause": gap.cause,
        "priority_changed": gap.priority_changed,
        "days_overdue": gap.days_overdue,
        "before": _state(gap.before, gap.old_duty),
        "after": _state(gap.after, gap.new_duty),
    }


def _state(gap: GapState | None, duty: DutyState | None) -> Data:
    return {
        "priority": gap.priority if gap else None,
        "rule": gap.rule if gap else None,
        "reason": gap.reason if gap else None,
        "action": gap.action if gap else None,
        "duty": _duty(duty) if duty else None,
    }


def _duty(duty: DutyState) -> Data:
    return {
        "status": duty.status,
        "proof": duty.proof,
        "carried_over": duty.carried_over,
        "evidence": list(duty.evidence),
        "checked_on": _day(duty.checked_on),
        "due": _day(duty.due),
        "owner": duty.owner,
        "note": duty.note,
        "reason": duty.reason,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
