"""The fragment that shows how an institution has moved between recorded analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.templating import render_html
from analyzer.model.vocabulary import CONFORMITIES


class Recorded(Protocol):
    """What is known of a recorded analysis beside its figures."""

    @property
    def as_of(self) -> Any:
        """The day it judges by."""

    @property
    def made_by(self) -> str:
        """Who recorded it."""

    @property
    def knowledge_version(self) -> str:
        """The version of the knowledge base it was made with."""


def progress_fragment(recorded: Sequence[tuple[Recorded, Mapping[str, Any]]], rulebook: Rulebook) -> str:
    """A row an analysis with its counts. recorded: each with the `summary` of its document."""
    return render_html(
        "screens/progress.html.j2", recorded=recorded, conformities=CONFORMITIES, term=rulebook.term
    ).decode()
