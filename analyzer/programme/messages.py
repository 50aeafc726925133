"""Messages: one thread an institution and step, in the order in which they came; none is ever changed or removed."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.programme.desk import Desk
from analyzer.programme.participant import Message, Side, message_place
from analyzer.programme.portal_files import PortalFiles, Upload
from analyzer.programme.texts import paragraph
from analyzer.store.principal import Principal, needs, require

LONGEST_MESSAGE = 8_000
_SHOWN = 60


class Messages:
    """The threads of all participants, from either side."""

    def __init__(self, desk: Desk, files: PortalFiles) -> None:
        self._desk = desk
        self._files = files

    @needs("take_part")
    def thread(self, principal: Principal, programme: str, institution: str, step: str) -> tuple[Message, ...]:
        """The institution's thread on a step, the oldest first."""
        require(principal, "take_part", institution)
        return self._desk.read(programme, institution).step(step).messages

    @needs("take_part")
    def write(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        step: str,
        text: str,
        uploads: Sequence[Upload] = (),
    ) -> None:
        """Write to the secretariat."""
        require(principal, "take_part", institution)
        self._post(principal, programme, institution, step, text, uploads, "institution")

    @needs("run_programme")
    def answer(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        step: str,
        text: str,
        uploads: Sequence[Upload] = (),
    ) -> None:
        """Write to an institution, as the secretariat."""
        require(principal, "run_programme", institution)
        self._post(principal, programme, institution, step, text, uploads, "secretariat")

    def _post(
        self,
        principal: Principal,
        programme: str,
        institution: str,
        step: str,
        text: str,
        uploads: Sequence[Upload],
        side: Side,
    ) -> None:
        said = paragraph(text, "連絡の本文", LONGEST_MESSAGE)
        # Whether it takes part, and there is such a step, is asked before a file is stored.
        self._desk.read(programme, institution).step(step)
        stored = self._files.store(self._desk.programme(programme), uploads)
        with self._desk.act(principal, programme, institution, "write") as act:
            title = act.step(step).step.title
            key = act.add("message", {"side": side, "text": said, "signed": act.signature.data()}, step)
            self._files.name_in(act, message_place(key), stored)
            told = f"「{title}」の連絡：{said[:_SHOWN]}{'…' if len(said) > _SHOWN else ''}"
            if side == "institution":
                act.tell_secretariat("message_received", told, step)
            else:
                act.tell_institution("answer_posted", told, step)
