"""What the app does by itself while it runs: sends the mails that are due and writes the day's reminders."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date
from typing import Final

from analyzer.errors import SanshoError
from analyzer.programme.desk import Desk
from analyzer.programme.mailing import MailQueue
from analyzer.programme.reminders import remind_due

INTERVAL: Final = 20.0
_LONGEST_PAUSE: Final = 600.0
_LOG: Final = logging.getLogger(__name__)


class Background:
    """One thread of a process. Any number of processes may each have one.

    today: the day in Japan. interval: seconds between two rounds; longer, up to 10 minutes, while the server is away.
    """

    def __init__(self, desk: Desk, queue: MailQueue, today: Callable[[], date], interval: float = INTERVAL) -> None:
        self._desk = desk
        self._queue = queue
        self._today = today
        self._interval = interval
        self._reminded: date | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sansho-background", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self, timeout: float | None = 10.0) -> None:
        """End after the mail at hand."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        pause = self._interval
        while not self._stop.wait(pause):
            pause = next_pause(pause, self._interval, self._round())

    def _round(self) -> bool:
        """Whether all went well."""
        try:
            today = self._today()
            if today != self._reminded:
                remind_due(self._desk, today)
                self._reminded = today
            trouble = self._queue.send_due(stop=self._stop).trouble
        except SanshoError as error:
            trouble = str(error)
        except Exception:
            # The thread has to outlive whatever it meets: nobody would notice that no mail goes out any more.
            _LOG.exception("a round of mails and reminders failed")
            return False
        if trouble is not None:
            _LOG.warning("no mail is sent: %s", trouble)
        return trouble is None


def next_pause(pause: float, interval: float, well: bool) -> float:
    """The pause until the next round, in seconds: twice as long after each that did not go well."""
    return interval if well else min(pause * 2, max(_LONGEST_PAUSE, interval))
