"""A visit to the portal: who is there, for which institution and programme, and how what they do is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.programme.handing_in import FormFaultsError
from analyzer.programme.model import Programme
from analyzer.programme.participant import Participant, PortalFile
from analyzer.programme.portal import Portal
from analyzer.programme.portal_files import Upload
from analyzer.programme.progress import StepState
from analyzer.programme.refusal import PortalError
from analyzer.programme.screens.words import size
from analyzer.store.items import ItemConflictError
from analyzer.store.principal import ForbiddenError, Principal
from analyzer.store.records import ConflictError, UnknownInstitutionError
from analyzer.web.saying import keep, take
from analyzer.web.workspace import Workspace

CONFLICT: Final = "その後ほかの人が変えました。開き直してください。"
FORBIDDEN: Final = "このアカウントでは、この操作はできません。"
_SAID: Final = "_portal_said"


@dataclass(frozen=True)
class Visit:
    """What the institution's page is drawn from. participant: as it was read for this drawing.

    who: asks who is logged in, also where the session's own state is out of reach.
    """

    shared: Workspace
    principal: Principal
    participant: Participant
    states: tuple[StepState, ...]
    as_of: date
    who: Callable[[], Principal]

    @property
    def portal(self) -> Portal:
        """The services."""
        return self.shared.portal

    @property
    def programme(self) -> Programme:
        """The programme in view."""
        return self.participant.programme

    @property
    def at(self) -> tuple[str, str]:
        """Programme and institution, as the services ask for them."""
        return self.programme.id, self.participant.institution

    @property
    def place(self) -> str:
        """What tells the fields of this visit from those of any other."""
        return f"{self.principal.login} {self.programme.id} {self.participant.institution}"

    def anew(self) -> tuple[Principal, str, str]:
        """Who is logged in now, programme and institution: how every act begins, since rights may have gone."""
        return self.who(), *self.at

    def read_anew(self) -> Participant:
        """The participant as it stands now."""
        return self.portal.participation.view(*self.anew())


def reason(error: SanshoError) -> str:
    """Why something was not done, as people are told."""
    if isinstance(error, ItemConflictError | ConflictError):
        return CONFLICT
    if isinstance(error, PortalError):
        return error.ja
    if isinstance(error, ForbiddenError | UnknownInstitutionError):
        return FORBIDDEN
    return f"できませんでした。{error}"


def attempt(act: Callable[[], object], done: str) -> bool:
    """Do something and have it told at the next drawing. False where it was refused; what was typed stays then."""
    try:
        act()
    except FormFaultsError:
        raise
    except SanshoError as error:
        tell(reason(error), failed=True)
        return False
    tell(done)
    return True


def tell(text: str, *, failed: bool = False) -> None:
    """Have something said at the next drawing, once."""
    keep(_SAID, text, failed=failed)


def say() -> None:
    """Say what is to be said."""
    said = take(_SAID)
    if said is not None:
        text, failed = said
        icon = ":material/error:" if failed else ":material/check_circle:"
        (st.error if failed else st.success)(plain_markdown(text), icon=icon)


def plain_markdown(text: str) -> str:
    """A text of a file or a person, so that nothing in it counts as Markdown."""
    return "".join(f"\\{ch}" if ch in "\\`*_{}[]<>()#+-.!|~$:&" else ch for ch in text)


def fresh_key(name: str) -> str:
    """A widget's key for as long as what it holds has not been sent (`used_up`)."""
    return f"{name} {st.session_state.get(f'_round {name}', 0)}"


def used_up(name: str) -> None:
    """Have the widget begin empty at the next drawing."""
    st.session_state[f"_round {name}"] = st.session_state.get(f"_round {name}", 0) + 1


def uploads_of(files: Sequence[Any] | None) -> list[Upload]:
    """What was chosen in a field for files."""
    return [Upload(each.name, each.getvalue()) for each in files or ()]


def draw_files(visit: Visit, files: Sequence[PortalFile], key: str) -> None:
    """A button for each file. Who presses it is asked for anew, and has to be one who may see it."""
    if not files:
        return
    with st.container(horizontal=True):
        for number, file in enumerate(files):
            st.download_button(
                plain_markdown(f"{file.name}（{size(file.size)}）"),
                data=partial(_content, visit, file),
                file_name=file.name,
                mime=file.media_type,
                icon=":material/download:",
                key=f"{key} {number} {file.sha256[:16]}",
                on_click="ignore",
            )


def _content(visit: Visit, file: PortalFile) -> bytes:
    return visit.portal.files.open(*visit.anew(), file.place, file.sha256)[1]
