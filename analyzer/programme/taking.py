"""Taking a list in while somebody waits and looks at how far it is. It goes on where they no longer look."""

from __future__ import annotations

import logging
import threading

from analyzer.errors import SanshoError
from analyzer.programme.enrolling import Enrolled, Enrolling
from analyzer.programme.listing import ListPreview
from analyzer.programme.refusal import PortalError
from analyzer.store.principal import Principal

_LOG = logging.getLogger(__name__)


class Taking:
    """One list being taken in, in a thread of its own; the first passwords are in it alone, once it has ended."""

    def __init__(self, enrolling: Enrolling, principal: Principal, programme: str, preview: ListPreview) -> None:
        self.preview = preview
        self.done, self.of = 0, 1
        self.enrolled: tuple[Enrolled, ...] | None = None
        self.error: SanshoError | None = None
        self._thread = threading.Thread(
            target=self._run, args=(enrolling, principal, programme), name="sansho-list", daemon=True
        )
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, not longer than that; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, enrolling: Enrolling, principal: Principal, programme: str) -> None:
        try:
            self.enrolled = enrolling.take(principal, programme, self.preview, self._report)
        except SanshoError as error:
            self.error = error
        except Exception:
            # Nobody else would hear of it in this thread.
            _LOG.exception("%s: a list could not be taken in", self.preview.file)
            self.error = PortalError(
                "途中で止まりました。同じ一覧をもう一度取り込むと、足りないところから続きます。",
                "the list was not taken in wholly; take it in again",
            )

    def _report(self, done: int, of: int) -> None:
        self.done, self.of = done, of
