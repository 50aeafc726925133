"""The frame around every page: navigation, styles, and what is shown when something fails."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import streamlit as st

from analyzer import __version__
from analyzer.errors import SanshoError
from analyzer.store.principal import SINGLE_USER, Action, Principal, may
from analyzer.web import address
from analyzer.web.bell import show_bell
from analyzer.web.components.styles import page_css
from analyzer.web.signing_in import accounts_required, current_principal, may_enter, show_entrance, show_visitor
from analyzer.web.workspace import workspace

# A file of our own: a named symbol would be fetched from elsewhere.
_ICON = Path(__file__).parent / "icon.svg"
_UNUSABLE = "データを読み込めません。次の点を直してから、ページを開き直してください。"
_LOG = logging.getLogger("sansho.app")


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A page as app.py lists it: its address (`""` for the landing page), its title, its icon, its module.

    for_accounts: it makes sense only where people log in. needs: the right without which the page has nothing to show,
    or several of which one is enough: to others it is not listed, and its address says so.
    """

    path: str
    title: str
    icon: str
    module: str
    for_accounts: bool = False
    needs: Action | tuple[Action, ...] | None = None

    def is_for(self, visitor: Principal | None) -> bool:
        """Whether the page has something to show to a visitor; None for one who is told by the page itself."""
        wanted = (self.needs,) if isinstance(self.needs, str) else self.needs
        return visitor is None or wanted is None or any(may(visitor, each) for each in wanted)


def run(pages: Sequence[PageSpec]) -> None:
    """Draw the page that the address asks for. Nothing that fails in it reaches the screen as a traceback."""
    st.set_page_config(page_title="Sansho 三省参照", page_icon=str(_ICON), layout="wide")
    st.html(f"<style>{page_css()}</style>")
    entered = may_enter()
    visitor = _visitor() if entered else None
    entries: dict[str, st.Page] = {}
    listed: list[st.Page] = []
    for spec in pages:
        if spec.for_accounts and not accounts_required():
            continue
        may_open = spec.is_for(visitor)
        page = st.Page(
            _guarded(spec) if may_open else _closed(spec, listed),
            title=spec.title,
            icon=spec.icon,
            url_path=spec.path or "overview",
            default=not spec.path,
            visibility="visible" if may_open else "hidden",
        )
        entries[spec.path] = page
        if may_open:
            listed.append(page)
    current = st.navigation([*entries.values(), *_missing(entries)], position="top" if entered else "hidden")
    if not entered:
        show_entrance()
        return
    going = address.going_to()
    if going is not None:
        path, parameters = going
        target = entries.get("" if path == "overview" else path)
        if target is not None:
            st.switch_page(target, query_params={name: list(values) for name, values in parameters.items()})
        st.error(f"「{path}」というページはありません。上の見出しから選んでください。", icon=":material/link_off:")
        return
    if visitor is not None and accounts_required():
        show_bell(visitor)
    with address.drawing():
        current.run()
    show_visitor()
    st.caption(f"Sansho {__version__}　法的助言ではありません。判定は収録した資料と回答にもとづきます。")


def _missing(known: Iterable[str]) -> list[st.Page]:
    """A page for an address that has none, so that a mistyped link is answered in the reader's language."""
    asked = unquote(urlsplit(st.context.url or "").path).strip("/").rsplit("/", maxsplit=1)[-1]
    if asked in {"overview", *known} or not asked.isprintable():
        return []

    def draw() -> None:
        st.title("ページが見つかりません", anchor=False)
        st.warning(f"「{asked}」というページはありません。上の見出しから選んでください。", icon=":material/link_off:")

    return [st.Page(draw, title="ページが見つかりません", url_path=asked, visibility="hidden")]


def _visitor() -> Principal | None:
    """Who has entered, for what is listed; a session that ends at this moment is told by the page itself."""
    if not accounts_required():
        return SINGLE_USER
    try:
        return current_principal(workspace())
    except SanshoError:
        return None


def _closed(spec: PageSpec, listed: Sequence[st.Page]) -> Callable[[], None]:
    """A page for accounts that may not see it. listed: those that they may; the first is where they land instead."""

    def draw() -> None:
        if not spec.path and listed:
            st.switch_page(listed[0])
        st.title(spec.title, anchor=False)
        st.warning(
            "このアカウントの役割では、この画面は使えません。上の見出しから、使える画面を選んでください。",
            icon=":material/lock:",
        )

    draw.__name__ = spec.path or "overview"
    return draw


def _guarded(spec: PageSpec) -> Callable[[], None]:
    def draw() -> None:
        try:
            # Loaded when it is first opened, so that the landing page does not wait for all the others.
            import_module(f"analyzer.web.pages.{spec.module}").page()
        except SanshoError as error:
            st.error(_UNUSABLE, icon=":material/error:")
            st.code(str(error), language=None, wrap_lines=True)
        except Exception:
            number = uuid.uuid4().hex[:8]
            _LOG.exception("%s failed (%s)", spec.path or "overview", number)
            st.error(
                f"この画面を表示できませんでした（番号 {number}）。入力したものは失われていません。"
                "上の見出しから開き直しても続くときは、番号を添えて管理者に知らせてください。",
                icon=":material/error:",
            )

    draw.__name__ = spec.path or "overview"
    return draw
