"""What time does to reviews, surveys, certifications and evidence. Nothing here reads the clock: as_of is given."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from analyzer.engine.rulebook import Policy
from analyzer.model.catalog import Certification, Survey
from analyzer.model.institution import Answer, Evidence, Review, Service
from analyzer.model.vocabulary import Disclosure, Status


@lru_cache(maxsize=4096)
def months_after(day: date, months: int) -> date:
    """The same day some calendar months later, the month's last day where it has none such; 9999-12-31 at the most."""
    try:
        return day + relativedelta(months=months)
    except (OverflowError, ValueError):
        return date.max


def survey_state(survey: Survey | None, as_of: date, policy: Policy) -> str:
    """`fresh` or `old`. A vendor without a survey of known date counts as old; seen from a day before it, a survey is
    fresh.
    """
    if survey is None:
        return "old"
    return "fresh" if as_of <= months_after(survey.surveyed_on, policy.survey_max_age_months) else "old"


def last_review(service: Service, disclosure: Disclosure, section: str, as_of: date) -> Review | None:
    """The latest look, up to as_of, at documents of a disclosure level for a section (`mhlw-5:6.3`)."""
    found = [
        review
        for review in service.reviews
        if review.documents == disclosure
        and review.reviewed_on <= as_of
        and (not review.sections or section in review.sections)
    ]
    return max(found, key=lambda review: review.reviewed_on, default=None)


def review_state(review: Review | None, as_of: date, policy: Policy) -> str:
    """`current`, `outdated` or `never`."""
    if review is None:
        return "never"
    return "current" if as_of <= months_after(review.reviewed_on, policy.review_max_age_months) else "outdated"


def certificate_state(relied_on: Iterable[Certification], review: Review | None, as_of: date) -> str:
    """`not_relied_on`, `valid` or `lapsed`. A withdrawn edition stays lapsed until looked at again."""
    relied = list(relied_on)
    if not relied:
        return "not_relied_on"
    withdrawn = [item.edition_withdrawn_on for item in relied if item.edition_withdrawn_on is not None]
    if not any(day <= as_of for day in withdrawn):
        return "valid"
    rechecked = review is not None and all(review.reviewed_on >= day for day in withdrawn if day <= as_of)
    return "valid" if rechecked else "lapsed"


def expires_on(evidence: Evidence, policy: Policy) -> date:
    """The last day on which a piece of evidence proves anything: `valid_until`, else so many months after the end of
    the period it covers, else after its issue.
    """
    if evidence.valid_until is not None:
        return evidence.valid_until
    return months_after(evidence.covers_to or evidence.issued_on, policy.proof_max_age_months)


def proof_state(evidence: Iterable[Evidence], as_of: date, policy: Policy) -> str:
    """`current` where any piece holds at as_of, `expired` where all have lapsed, else `missing`. What was issued later
    than as_of proves nothing yet.
    """
    issued = [item for item in evidence if item.issued_on <= as_of]
    if not issued:
        return "missing"
    return "current" if any(as_of <= expires_on(item, policy) for item in issued) else "expired"


def counts_at(answer: Answer | None, as_of: date) -> bool:
    """An answer checked later than as_of had not been given yet."""
    return answer is not None and (answer.checked_on is None or answer.checked_on <= as_of)


def days_overdue(due: date | None, status: Status, as_of: date) -> int | None:
    """By how many days the day set for a duty has passed; None where it is done, has no day, or none has passed."""
    if due is None or due >= as_of or status in {"implemented", "not_applicable"}:
        return None
    return (as_of - due).days
