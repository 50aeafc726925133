"""What the secretariat's pages share: doing things as whoever is signed in now, saying how it went, files, drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.intake.workbook import IntakeError
from analyzer.programme.participant import PortalFile
from analyzer.programme.refusal import PortalError
from analyzer.programme.screens.words import size
from analyzer.store.accounts import AccountRefusedError, UnknownAccountError
from analyzer.store.items import ItemConflictError
from analyzer.store.principal import ForbiddenError, Principal
from analyzer.store.records import UnknownInstitutionError
from analyzer.store.signing_in import SessionEndedError
from analyzer.web.pages.accounts import REFUSALS
from analyzer.web.saying import keep, take
from analyzer.web.signing_in import current_principal, principal_later
from analyzer.web.workspace import workspace

CHANGED_MEANWHILE: Final = "その後ほかの人が変えました。開き直してください。入力したものは欄に残っています。"
_DRAFTS, _TURNS = "_office_drafts", "_office_turns"


def perform(place: str, act: Callable[[Principal], object], done: str, *clear: str) -> None:
    """Do something from a callback, and keep what is to be said of it at `place`.

    clear: keys of fields that are emptied once it is done; where it is not, they keep what was typed.
    """
    performed(place, act, done, *clear)


def performed(place: str, act: Callable[[Principal], object], done: str, *clear: str) -> bool:
    """As `perform`; True where it was done."""
    try:
        act(current_principal(workspace()))
    except SanshoError as error:
        tell(place, said(error), failed=True)
        return False
    tell(place, done)
    for key in clear:
        st.session_state.pop(key, None)
    return True


def tell(place: str, text: str, *, failed: bool = False) -> None:
    """Keep what is to be said at a place when the page is drawn next."""
    keep(place, text, failed=failed)


def show_told(place: str) -> None:
    """Say, once, how the last thing done here went."""
    told = take(place)
    if told is not None:
        text, failed = told
        if failed:
            st.error(text, icon=":material/error:")
        else:
            st.success(text, icon=":material/check_circle:")


def said(error: SanshoError) -> str:
    """Why something was not done, in the reader's language."""
    if isinstance(error, PortalError | IntakeError):
        return error.ja
    if isinstance(error, AccountRefusedError):
        return REFUSALS[error.reason]
    if isinstance(error, ItemConflictError):
        return CHANGED_MEANWHILE
    if isinstance(error, UnknownInstitutionError):
        return "その参加機関は見つかりません。一覧から選び直してください。"
    if isinstance(error, UnknownAccountError):
        return "そのアカウントは見つかりません。開き直してください。"
    if isinstance(error, ForbiddenError | SessionEndedError):
        return "この操作は、ログイン中の事務局だけができます。"
    return f"できませんでした。何も変わっていません。（{error}）"


# -- fields -----------------------------------------------------------------------------------------------------------


def bound(place: str, version: int, values: Mapping[str, str]) -> int:
    """Bind fields to the version that they show, and return it: what was typed belongs to what it was typed over.

    values: by the field's key, as they are saved. Fields nobody has touched follow a newer version; others keep what
    was typed, and the version that it was typed over.
    """
    drafts: dict[str, tuple[int, dict[str, str]]] = st.session_state.setdefault(_DRAFTS, {})
    kept = drafts.get(place)
    if kept is not None and kept[0] != version:
        touched = any(st.session_state.get(key, value) != value for key, value in kept[1].items())
        if touched:
            return kept[0]
    if kept is None or kept[0] != version:
        drafts[place] = (version, dict(values))
        for key, value in values.items():
            st.session_state[key] = value
    else:
        # A field that was not drawn for a while has been forgotten; it shows again what is saved.
        for key, value in values.items():
            st.session_state.setdefault(key, value)
    return version


def is_stale(place: str, version: int) -> bool:
    """Whether the fields of a place hold what was typed over an older version."""
    kept = st.session_state.get(_DRAFTS, {}).get(place)
    return kept is not None and kept[0] != version


def release(place: str) -> None:
    """Forget what was typed at a place: the fields show what is saved."""
    kept = st.session_state.get(_DRAFTS, {}).pop(place, None)
    for key in kept[1] if kept is not None else ():
        st.session_state.pop(key, None)


def upload_key(place: str) -> str:
    """The key of a place's file field; another one after `next_upload`, which empties it."""
    turns: dict[str, int] = st.session_state.setdefault(_TURNS, {})
    return f"_office_file_{place}_{turns.get(place, 0)}"


def next_upload(place: str) -> None:
    """Empty a place's file field."""
    turns: dict[str, int] = st.session_state.setdefault(_TURNS, {})
    turns[place] = turns.get(place, 0) + 1


# -- files ------------------------------------------------------------------------------------------------------------


def show_files(programme: str, institution: str, files: Iterable[PortalFile]) -> None:
    """Buttons by which files are downloaded, by whoever may at that moment."""
    asked = principal_later(workspace())
    with st.container(horizontal=True):
        for file in files:
            st.download_button(
                f"{file.name}（{size(file.size)}）",
                data=partial(_content, asked, programme, institution, file.place, file.sha256),
                file_name=file.name,
                mime=file.media_type,
                icon=":material/download:",
                key=f"_office_get_{institution}_{file.place}_{file.sha256}",
                on_click="ignore",
            )


def _content(asked: Callable[[], Principal], programme: str, institution: str, place: str, sha256: str) -> bytes:
    return workspace().portal.files.open_as_secretariat(asked(), programme, institution, place, sha256)[1]
