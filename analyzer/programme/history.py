"""What was done in a participant's part of a programme, from the audit trail, in plain words for the secretariat.

What is the institution's alone is left out: its drafts, and what it makes of the offers to its own record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from analyzer.programme.desk import Desk, unknown_participant
from analyzer.programme.model import Programme
from analyzer.programme.participant import Proposal, form_key
from analyzer.programme.refusal import PortalError
from analyzer.store import events
from analyzer.store.accounts import ACCOUNT
from analyzer.store.events import Change, Event
from analyzer.store.items import ITEM_KINDS, read_items
from analyzer.store.principal import Principal, needs, require
from analyzer.store.tables import ACCOUNTS, ASSIGNMENTS, EVENTS

Data = Mapping[str, Any]
MOST: Final = 500
_SHOWN: Final = 80
_OF_ACCOUNT: Final = {
    "create": "アカウント「{login}」を作りました。",
    "reset_password": "アカウント「{login}」の初期パスワードを発行しました。",
    "disable": "アカウント「{login}」を停止しました。",
    "enable": "アカウント「{login}」を使えるようにしました。",
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing done. at: ISO 8601 in UTC. step: its title, None for what is of no step. said: what was done."""

    number: int
    at: str
    who: str
    step: str | None
    said: str


class History:
    """The histories of participants."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @needs("run_programme")
    def of(self, principal: Principal, programme: str, institution: str) -> tuple[Sequence[HistoryEntry], bool]:
        """What was done, the latest first, and whether there was more before. Raises UnknownInstitutionError."""
        require(principal, "run_programme", institution)
        meant = self._desk.programme(programme)
        with self._desk.database.reading() as connection:
            if not read_items(connection, programme, institution, "enrolment"):
                raise unknown_participant(programme, institution)
            found = events.history(connection, institution, ITEM_KINDS, limit=MOST)
            accounts = [
                event
                for login in _acting_for(connection, institution)
                for event in events.history(connection, None, [ACCOUNT], login, MOST)
                if event.change.action in _OF_ACCOUNT
            ]
        entries = [
            *(entry for event in found if (entry := _entry(meant, event)) is not None),
            *(
                HistoryEntry(
                    event.number,
                    event.at,
                    event.actor,
                    None,
                    _OF_ACCOUNT[event.change.action].format(login=event.change.key),
                )
                for event in accounts
            ),
        ]
        return tuple(sorted(entries, key=lambda each: each.number, reverse=True)), len(found) == MOST

    @needs("run_programme")
    def last_handed_in(self, principal: Principal, programme: str, institution: str, form: str) -> Data | None:
        """The answers with which a form was last handed in; what was filled in since is the institution's own.

        None where it never was. Raises UnknownInstitutionError, PortalError where the programme has no such form.
        """
        require(principal, "run_programme", institution)
        found = self._desk.programme(programme).step_of_form.get(form)
        if found is None:
            raise PortalError("その様式はありません。", f"no form {form!r}")
        step = found.id
        query = (
            EVENTS.select()
            .where(
                EVENTS.c.institution == institution,
                EVENTS.c.kind == "form",
                EVENTS.c.key == f"{programme} {form_key(step, form)}",
                EVENTS.c.action == "hand_in",
            )
            .order_by(EVENTS.c.number.desc())
            .limit(1)
        )
        with self._desk.database.reading() as connection:
            if not read_items(connection, programme, institution, "enrolment"):
                raise unknown_participant(programme, institution)
            row = connection.execute(query).one_or_none()
        answers: Data | None = events.loads(row.after)["answers"] if row is not None and row.after else None
        return answers


def _acting_for(connection: Connection, institution: str) -> Sequence[str]:
    """The logins that act for an institution. Who advises it is no business of the programme's."""
    query = (
        select(ACCOUNTS.c.login)
        .join(ASSIGNMENTS, ASSIGNMENTS.c.login == ACCOUNTS.c.login)
        .where(ACCOUNTS.c.role == "institution", ASSIGNMENTS.c.institution == institution)
    )
    return connection.execute(query.order_by(ACCOUNTS.c.login)).scalars().all()


def _entry(programme: Programme, event: Event) -> HistoryEntry | None:
    change = event.change
    of, _, key = change.key.partition(" ")
    after = change.after
    if of != programme.id or after is None:
        return None
    said = _SAID[change.kind](programme, key, change, after) if change.kind in _SAID else None
    if said is None:
        return None
    signed = after.get("signed") or after.get("decided") or after.get("handed_in") or {}
    who = signed["name"] if signed.get("login") == event.actor else event.actor
    return HistoryEntry(event.number, event.at, who, _step(programme, change.kind, key), said)


def _step(programme: Programme, kind: str, key: str) -> str | None:
    if kind in {"registration", "check"}:
        step = programme.step_of_kind("registration")
    elif kind == "consent":
        step = programme.step_of_kind("consent")
    else:
        step = programme.step_by_id.get(key.partition("/")[0])
    return step.title if step is not None else None


def _registration(programme: Programme, _key: str, change: Change, after: Data) -> str:
    if change.before is None:
        return "登録情報を登録しました。"
    was, now = change.before["values"], after["values"]
    differing = [field.label for field in programme.registration if was.get(field.id) != now.get(field.id)]
    return f"登録情報を直しました：{'、'.join(differing)}"


def _check(_programme: Programme, _key: str, _change: Change, after: Data) -> str:
    if after["outcome"] == "correct":
        return "登録情報に誤りがないことを確認しました。"
    return f"登録情報の変更を依頼しました：{_short(after['text'])}"


def _paper(programme: Programme, key: str, change: Change, after: Data) -> str | None:
    step, _, identity = key.partition("/")
    known = programme.step_by_id.get(step)
    form, wanted = programme.form_by_id.get(identity), known.document(identity) if known is not None else None
    title = form.title if form is not None else wanted.title if wanted is not None else identity
    if change.action == "hand_in":
        again = "もう一度" if change.before is not None and change.before.get("handed_in") else ""
        return f"「{title}」を{again}提出しました。"
    if change.action == "accept":
        return f"「{title}」を受領しました。"
    if change.action == "send_back":
        return f"「{title}」を差し戻しました：{_short(after['reason'] or '')}"
    return None


def _schedule(_programme: Programme, _key: str, _change: Change, after: Data) -> str:
    proposals = [Proposal(**each) for each in after["proposals"]]
    agreed = next((each for each in proposals if each.id == after["agreed"]), None)
    if agreed is not None:
        return f"日程を {agreed.day} {agreed.start}～{agreed.end}（{agreed.place}）に決めました。"
    if after["other"] is not None:
        return f"ほかの日程を希望しました：{_short(after['other'])}"
    return f"日程の候補を{len(proposals)}件出しました：{'、'.join(f'{each.day} {each.start}' for each in proposals)}"


def _progress(programme: Programme, key: str, change: Change, after: Data) -> str:
    step = programme.step_by_id.get(key)
    stage = step.stage(after["stage"]) if step is not None and after["stage"] else None
    was = change.before or {"stage": None, "summary": None}
    said = []
    if after["stage"] != was["stage"]:
        said.append(f"進捗を「{stage.title if stage is not None else '（なし）'}」にしました。")
    if after["summary"] != was["summary"]:
        said.append(f"概要を書きました：{_short(after['summary'])}" if after["summary"] else "概要を消しました。")
    return "".join(said)


def _handout(_programme: Programme, _key: str, _change: Change, after: Data) -> str:
    return f"{'最終報告書' if after['report'] else '資料'}「{after['title']}」を届けました。"


def _wish(_programme: Programme, _key: str, _change: Change, after: Data) -> str:
    return f"この支援を{'希望する' if after['wanted'] else '希望しない'}と回答しました。"


def _reminder(_programme: Programme, _key: str, _change: Change, after: Data) -> str:
    return f"{'期限の通知を自動で送りました' if after['automatic'] else '催促しました'}：{_short(after['text'])}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


_SAID: Final[Mapping[str, Callable[[Programme, str, Change, Data], str | None]]] = {
    "enrolment": lambda *_: "参加機関として登録しました。",
    "registration": _registration,
    "check": _check,
    "consent": lambda _p, _k, _c, after: f"規約（{after['terms_version']}版）に「{after['name']}」の名で同意しました。",
    "wish": _wish,
    "form": _paper,
    "document": _paper,
    "handout": _handout,
    "schedule": _schedule,
    "progress": _progress,
    "message": lambda _p, _k, _c, after: f"連絡を書きました：{_short(after['text'])}",
    "reminder": _reminder,
}
