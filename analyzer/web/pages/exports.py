"""エクスポート: the files of one, several or all institutions, as one file or one zip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from analyzer.exports.kinds import CHECKLIST_XLSX, FILE_KINDS, GAP_LIST, FileKind
from analyzer.exports.package import Outcome, Package, Plan, make_package, plan_package
from analyzer.model.institution import Institution
from analyzer.web import address
from analyzer.web.components.facets import Choice, Group, show_facets
from analyzer.web.components.table import Cell, Column, Row, show_table
from analyzer.web.context import Context, choose_context, session_source
from analyzer.web.workspace import workspace

TAKE, KIND = "take", "kind"
# Stands in the address where nothing is chosen; what is absent there stands for the first choice.
_NOTHING: Final = "-"
_FIRST_KINDS: Final = (CHECKLIST_XLSX.id, GAP_LIST.id)
_MADE: Final = "_package"


def page() -> None:
    """Draw what can be chosen, make it when asked, and offer what was made."""
    shared = workspace()
    st.title("エクスポート", anchor=False)
    context = choose_context(shared)
    institutions = session_source(shared).institutions()
    if context.institution is None:
        st.info(
            f"医療機関のファイルが `{session_source(shared).where}` にありません。"
            "見本を写して書き換えると、ここで選べます。"
            "知識ベースの管理策マトリクスは「管理策マトリクス」の画面から取り出せます。",
            icon=":material/add_home:",
        )
        return
    chosen = _choose_institutions(institutions, context)
    wanted = _choose_kinds()
    plan = plan_package(shared.analyzer, chosen, wanted, context.as_of)
    _make(plan)


# -- what is wanted ---------------------------------------------------------------------------------------------------


def _choose_institutions(institutions: dict[str, Institution], context: Context) -> list[Institution]:
    """The institutions to make files of, in the order of their files; at first the one in view."""
    taken = _taken(context)
    for unknown in [identity for identity in taken if identity not in institutions and identity != _NOTHING]:
        st.warning(f"リンクにある医療機関「{unknown}」は見つかりません。", icon=":material/link_off:")
    chosen = [identity for identity in institutions if identity in taken]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("すべて選ぶ", on_click=_take, args=(list(institutions),), icon=":material/done_all:")
        st.button("すべて外す", on_click=_take, args=([],), icon=":material/remove_done:", disabled=not chosen)
        st.caption("はじめは、上で選んだ医療機関だけを選んである。数は、登録された回答。")
    choices = [
        Choice(identity, institution.name, len(institution.answers), identity in taken)
        for identity, institution in institutions.items()
    ]
    show_facets([Group("institution", "書き出す機関", True, choices)], "_institutions", partial(_toggle, context))
    return [institutions[identity] for identity in chosen]


def _taken(context: Context) -> list[str]:
    in_view = [context.institution.id] if context.institution else []
    return address.query().get(TAKE, in_view)


def _take(identities: Sequence[str]) -> None:
    address.change(**{TAKE: list(identities) or [_NOTHING]})


def _toggle(context: Context, _group: str, value: str, taken: bool) -> None:
    others = [each for each in _taken(context) if each not in {value, _NOTHING}]
    _take([*others, *([value] if taken else [])])


def _choose_kinds() -> list[FileKind]:
    """The kinds of files wanted, in the order in which they are offered."""
    asked = address.query().get(KIND, list(_FIRST_KINDS))
    for unknown in [kind for kind in asked if kind not in FILE_KINDS and kind != _NOTHING]:
        st.warning(f"リンクにある種類「{unknown}」はありません。", icon=":material/link_off:")
    st.markdown("**書き出すもの**")
    with st.container(horizontal=True):
        for kind in FILE_KINDS.values():
            st.session_state[f"_kind_{kind.id}"] = kind.id in asked
            st.checkbox(kind.label, key=f"_kind_{kind.id}", help=kind.help, on_change=_kinds_changed, width=290)
    return [kind for kind in FILE_KINDS.values() if kind.id in asked]


def _kinds_changed() -> None:
    chosen = [kind for kind in FILE_KINDS if st.session_state[f"_kind_{kind}"]]
    address.change(**{KIND: chosen or [_NOTHING]})


# -- making and handing out -------------------------------------------------------------------------------------------


def _make(plan: Plan) -> None:
    """Offer to make the files; while that runs show how far it is, then the download."""
    if not plan.institutions:
        st.info("機関を1つ以上選んでください。", icon=":material/domain:")
        _forget()
        return
    if not plan.files:
        st.info("書き出すものを1つ以上選んでください。", icon=":material/checklist:")
        _forget()
        return
    form = "1つのファイル" if len(plan.files) == 1 else f"{len(plan.files)}個のファイルを1つのzip"
    st.markdown(f"**{len(plan.institutions)}機関**　{form}（`{plan.name}`）にする。")
    if st.button("書き出す", type="primary", icon=":material/folder_zip:", on_click=address.settle):
        _forget()
        st.session_state[_MADE] = (plan, _making(plan))
    made = _made(plan)
    if made is not None:
        _hand_out(made)


def _making(plan: Plan) -> Package:
    total = len(plan.files)
    begun = 0
    bar = st.progress(0.0, text="準備しています。")

    def step(what: str) -> None:
        nonlocal begun
        bar.progress(begun / total, text=f"{begun + 1}／{total}　{what}　（画面を離れると中止する）")
        begun += 1

    made = make_package(plan, step)
    bar.empty()
    return made


def _made(plan: Plan) -> Package | None:
    """What was made of this very plan; of any other it is given up."""
    kept: tuple[Plan, Package] | None = st.session_state.get(_MADE)
    if kept is None:
        return None
    before, made = kept
    same = before.files == plan.files and before.analyzer is plan.analyzer and before.as_of == plan.as_of
    if not same:
        _forget()
        return None
    return made


def _forget() -> None:
    kept: tuple[Plan, Package] | None = st.session_state.pop(_MADE, None)
    if kept is not None:
        kept[1].close()


def _hand_out(made: Package) -> None:
    if made.failures:
        st.error(
            f"{len(made.failures)}件を作成できないか、欠けがあります。ほかのファイルは使えます。"
            if made.size
            else "作成できませんでした。",
            icon=":material/error:",
        )
    if made.size:
        st.success("作成しました。", icon=":material/check_circle:")
        st.download_button(
            f"{made.name} をダウンロード（{_bytes(made.size)}）",
            data=made.read,
            file_name=made.name,
            mime=made.media_type,
            icon=":material/download:",
            type="primary",
            on_click="ignore",
            key="_download_package",
        )
    columns = [Column("ファイル", 20), Column("機関", 10), Column("種類", 11), Column("大きさ", 5), Column("状態", 7)]
    rows = [_row(outcome) for outcome in made.outcomes]
    show_table("作成したファイル", columns, rows, key="_outcomes", height="min(50vh, 420px)")


def _row(outcome: Outcome) -> Row:
    there = outcome.size is not None
    state = "作成済" if there else "作成できず"
    if outcome.reason:
        state = f"{state}：{outcome.reason}"
    mark = "●" if there and not outcome.reason else "▲" if there else "×"
    return Row(
        outcome.planned.path,
        None,
        [
            Cell(outcome.planned.name),
            Cell(outcome.planned.of),
            Cell(outcome.planned.kind.label),
            Cell(_bytes(outcome.size) if outcome.size is not None else "－"),
            Cell(f"{mark} {state}"),
        ],
    )


def _bytes(size: int) -> str:
    """A size for people: `368 KB`, `11.8 MB`."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} KB"
