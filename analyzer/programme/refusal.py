"""What is raised where a programme does not take something."""

from __future__ import annotations

from analyzer.store.database import StoreError


class PortalError(StoreError):
    """An act that is not possible as things stand. ja: why, as people are told; the message is the same in English."""

    def __init__(self, ja: str, en: str) -> None:
        self.ja = ja
        super().__init__(en)


class UnknownProgrammeError(StoreError):
    """There is no such programme."""
