"""一覧の取り込み: the secretariat's Excel list, looked at before anything is made of it; the first passwords, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import streamlit as st

from analyzer.errors import SanshoError
from analyzer.intake.workbook import MAX_BYTES
from analyzer.programme.enrolling import Enrolled
from analyzer.programme.listing import MOST_ROWS, ListPreview
from analyzer.programme.office_workbooks import blank_list, handover_workbook
from analyzer.programme.screens.office import preview_fragment
from analyzer.programme.taking import Taking
from analyzer.store.principal import Principal, require
from analyzer.web.components.panel import show_panel
from analyzer.web.pages.office_acts import next_upload, said, upload_key
from analyzer.web.pages.office_place import Place
from analyzer.web.signing_in import current_principal, principal_later
from analyzer.web.workspace import workspace

_TAKING, _PREVIEW, _FILE = "_office_taking", "_office_preview", "list"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def remind_of_passwords() -> None:
    """On the other views: say that first passwords wait to be received, as long as they do."""
    taking: Taking | None = st.session_state.get(_TAKING)
    if taking is None or (taking.enrolled is not None and not any(each.handover for each in taking.enrolled)):
        return
    st.warning(
        "初期パスワードの一覧をまだ受け取っていません。「一覧の取り込み」を開いて、ダウンロードしてください。"
        "ログアウトするか再読み込みすると、二度と取り出せません。",
        icon=":material/key:",
    )


def draw_list(place: Place) -> None:
    """Draw the upload, then what it would make, then how far it is, then the first passwords."""
    taking: Taking | None = st.session_state.get(_TAKING)
    if taking is not None:
        _draw_taking(place, taking)
        return
    st.markdown(
        "医療機関の一覧（Excel）から、医療機関・参加・アカウントをまとめて登録する。"
        "取り込む前に、何が登録されるかを確かめられる。"
    )
    st.download_button(
        "空の一覧をダウンロードする",
        data=lambda: blank_list(place.programme, place.as_of, place.shared.rulebook),
        file_name=f"参加機関の一覧_{place.programme.id}.xlsx",
        mime=_XLSX,
        icon=":material/download:",
        on_click="ignore",
    )
    uploaded = st.file_uploader(
        f"記入した一覧（.xlsx、{MAX_BYTES // 1_000_000} MB、{MOST_ROWS:,}行まで）", key=upload_key(_FILE)
    )
    if uploaded is None:
        st.session_state.pop(_PREVIEW, None)
        return
    preview = _preview(place, uploaded.file_id, uploaded.name, uploaded.getvalue())
    if preview is None:
        return
    if preview.accepted:
        st.button(
            f"{len(preview.accepted):,}機関を取り込む",
            type="primary",
            icon=":material/group_add:",
            on_click=_take,
            args=(place.programme.id, preview),
            key="_office_take",
        )
        st.caption("終わると、初期パスワードの一覧を一度だけダウンロードできます。300機関で1分から2分ほどかかります。")
    else:
        st.warning("取り込める行がありません。", icon=":material/playlist_remove:")
    show_panel(preview_fragment(preview, place.shared.rulebook), key="office-preview")


def _preview(place: Place, identity: str, name: str, content: bytes) -> ListPreview | None:
    """What the list would make, worked out once an upload; None, said why, where it cannot be read."""
    kept: tuple[str, str, ListPreview] | None = st.session_state.get(_PREVIEW)
    if kept is not None and kept[:2] == (identity, place.programme.id):
        return kept[2]
    try:
        preview = place.portal.enrolling.preview(current_principal(place.shared), place.programme.id, content, name)
    except SanshoError as error:
        st.error(f"{name}：{said(error)}", icon=":material/error:")
        return None
    st.session_state[_PREVIEW] = (identity, place.programme.id, preview)
    return preview


def _take(programme: str, preview: ListPreview) -> None:
    shared = workspace()
    st.session_state[_TAKING] = Taking(shared.portal.enrolling, current_principal(shared), programme, preview)
    next_upload(_FILE)
    st.session_state.pop(_PREVIEW, None)


def _draw_taking(place: Place, taking: Taking) -> None:
    if taking.is_running:
        st.warning(
            "取り込んでいます。終わるまで、ページを閉じたり再読み込みしたりしないでください。"
            "登録は続きますが、初期パスワードの一覧を受け取れなくなります。",
            icon=":material/hourglass_top:",
        )
        _draw_progress(taking)
        return
    if taking.error is not None:
        st.error(f"取り込めませんでした。{said(taking.error)}", icon=":material/error:")
        st.button("一覧を選び直す", icon=":material/refresh:", on_click=_clear)
        return
    assert taking.enrolled is not None
    _hand_over(place, taking.enrolled)


@st.fragment(run_every=0.5)
def _draw_progress(taking: Taking) -> None:
    """How far it is; the page is drawn anew when it has ended."""
    if not taking.is_running:
        st.rerun(scope="app")
    share = min(taking.done / taking.of, 1.0)
    st.progress(share, text=f"{share:.0%}　{_stage(taking)}")


def _stage(taking: Taking) -> str:
    return "医療機関と参加を登録しています" if 10 * taking.done < taking.of else "初期パスワードを作っています"


def _hand_over(place: Place, enrolled: tuple[Enrolled, ...]) -> None:
    made = [each for each in enrolled if each.handover is not None]
    st.success(
        f"{len(enrolled):,}機関を取り込み、アカウントを{len(made):,}件作りました。", icon=":material/check_circle:"
    )
    if len(made) < len(enrolled):
        st.info(
            f"{len(enrolled) - len(made):,}機関には、使えるアカウントがもうありました。そのパスワードは変わりません。",
            icon=":material/person_check:",
        )
    if made:
        st.warning(
            "初期パスワードを受け取れるのは、いまだけです。下の「受け取った」を押す、ページを閉じるか再読み込みする、"
            "ログアウトする、のどれかで、二度と取り出せなくなります。"
            "なくしたときは、機関ごとに「アカウント」から発行し直してください。",
            icon=":material/key:",
        )
        st.download_button(
            f"初期パスワードの一覧（{len(made):,}件、Excel）",
            data=partial(_passwords, principal_later(place.shared), place, made, _address()),
            file_name=f"初期パスワード_{place.as_of}.xlsx",
            mime=_XLSX,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    st.button("受け取った。ほかの一覧を取り込む", icon=":material/done:", on_click=_clear, key="_office_list_done")


def _passwords(asked: Callable[[], Principal], place: Place, made: Sequence[Enrolled], app: str) -> bytes:
    """The list of first passwords, for whoever took the list in, as long as they may."""
    require(asked(), "run_programme")
    return handover_workbook(place.programme, made, place.as_of, place.shared.rulebook, app)


def _clear() -> None:
    st.session_state.pop(_TAKING, None)


def _address() -> str:
    """Where people log in: this app, as the secretariat reaches it."""
    mail = workspace().portal.desk.mail
    return mail.app if mail is not None else (st.context.url or "").split("?")[0].rsplit("/", 1)[0]
