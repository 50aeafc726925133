"""Where in the app a notification or a mail leads: a page and its query, below the app's address."""

from __future__ import annotations

from urllib.parse import urlencode

INSTITUTION_PAGE = "programme"
SECRETARIAT_PAGE = "office"
RESET = "reset"
"""The query parameter that holds the token of a mail by which a password is reset."""


def institution_link(programme: str, institution: str, step: str | None) -> str:
    """The institution's page of a programme, at a step where one is meant."""
    return _link(INSTITUTION_PAGE, programme, institution, step)


def secretariat_link(programme: str, institution: str, step: str | None) -> str:
    """The secretariat's page of a participant, at a step where one is meant."""
    return _link(SECRETARIAT_PAGE, programme, institution, step)


def reset_link(token: str) -> str:
    """The first page, asked to take a new password."""
    return f"?{urlencode({RESET: token})}"


def _link(page: str, programme: str, institution: str, step: str | None) -> str:
    named = {"programme": programme, "institution": institution, "step": step}
    return f"{page}?{urlencode({name: value for name, value in named.items() if value})}"
