"""Why a control's result is what it is, as a fragment of HTML: the tables that were asked, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.templating import render_html
from analyzer.exports.wording import CARRIED_OVER, service_name
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.results import TraceStep

# A step's name where it is not its table's: the duty tables are asked for each party.
_ASKED_FOR: dict[str, tuple[str, str]] = {
    f"{party}_{step}": (table, party)
    for party in ("user", "integrator")
    for step, table in (("duty", "duty"), ("gap", "duty_gap"))
}
# The set whose words an input or output takes, where it is not called like it.
_SETS = {
    "vendor_answer": "vendor_conformity",
    "kind": "gap_kind",
    "holder": "party",
    "user": "duty_state",
    "integrator": "duty_state",
    "user_side": "duty_state",
}
_NAMES = {
    "condition": "適用条件",
    "applicability": "適用",
    "level": "区分",
    "vendor_answer": "ベンダーの回答",
    "disclosure": "裏付けの開示",
    "review": "機関による閲覧",
    "survey": "調査の時期",
    "certificate": "拠り所の認証",
    "assurance": "裏付けの強さ",
    "duties": "利用者側の対応",
    "responsibility": "責任分界",
    "party": "対応を求められる者",
    "si_vendor": "SI事業者",
    "holder": "担い手",
    "status": "回答",
    "proof": "証跡",
    "recheck": "前回からの引継ぎ",
    "duty_state": "対応の状態",
    "user": "医療機関の状態",
    "integrator": "SI事業者の状態",
    "user_side": "利用者側",
    "vendor_side": "ベンダー側",
    "conformity": "判定",
    "kind": "ギャップ",
    "priority": "優先度",
}
# What only the tables say among themselves; every other word is a term.
_WORDS = {
    "condition": {"unconditional": "条件なし", "met": "当てはまる", "unmet": "当てはまらない", "unknown": "未回答"},
    "review": {"current": "期限内に閲覧", "outdated": "閲覧が古い", "never": "閲覧の記録なし"},
    "survey": {"fresh": "期限内", "old": "期限を超えて古い"},
    "certificate": {"not_relied_on": "認証に拠らない", "valid": "有効", "lapsed": "失効"},
    "duties": {"stated": "記載あり", "unstated": "記載なし"},
    "recheck": {"done": "引継ぎではない", "carried_over": CARRIED_OVER},
    "si_vendor": {"present": "いる", "absent": "いない", "unknown": "未回答"},
    "duty_state": {
        "done": "実施済・証跡あり",
        "unconfirmed": "実施済・要確認",
        "partial": "一部実施",
        "planned": "計画中",
        "open": "未実施",
        "unanswered": "未回答",
        "excluded": "該当なし",
        "no_duty": "対応を持たない",
    },
    "vendor_side": {
        "assured": "裏付けあり",
        "to_confirm": "裏付けの確認が残る",
        "failed": "未適合",
        "absent": "回答なし",
        "outside": "対象外",
    },
    "gap_kind": {"no_gap": "ギャップなし"},
}


@dataclass(frozen=True, slots=True)
class Said:
    """A value of an input or output: its name, the value as people read it, and the set and word where it is a term."""

    name: str
    value: str
    of: str
    word: str
    is_term: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A table's part. title: the table's with the party it was asked for; basis: on what the table's rows rest."""

    title: str
    rule: str
    inputs: tuple[Said, ...]
    outputs: tuple[Said, ...]
    reason: str
    basis: str
    decides: bool


def why_fragment(
    steps_by_service: Mapping[str | None, Sequence[TraceStep]], rulebook: Rulebook, knowledge: KnowledgeBase
) -> str:
    """What `Analyzer.explain` gives as an `<article>`: for each service (None: no service) the steps in order."""
    return render_html(
        "screens/why.html.j2",
        services=tuple(
            (_service_name(service, knowledge), tuple(_step(step, rulebook) for step in steps))
            for service, steps in steps_by_service.items()
        ),
        term=rulebook.term,
    ).decode()


def _service_name(service: str | None, knowledge: KnowledgeBase) -> str:
    return "クラウドサービスなし" if service is None else service_name(service, knowledge)


def _step(step: TraceStep, rulebook: Rulebook) -> Step:
    table_name, party = _ASKED_FOR.get(step.table, (step.table, None))
    table = rulebook.tables[table_name]
    return Step(
        title=table.title.ja if party is None else f"{table.title.ja}：{rulebook.term('party', party).ja}",
        rule=step.rule,
        inputs=tuple(said(name, word, rulebook) for name, word in step.inputs.items()),
        outputs=tuple(_given(step.outputs, rulebook)),
        reason=step.reason.ja,
        basis=table.source,
        decides=table_name == "conformity",
    )


def _given(outputs: Mapping[str, str], rulebook: Rulebook) -> Iterator[Said]:
    """What a table gave; a gap that there is not has neither party nor priority."""
    for name, word in outputs.items():
        if outputs.get("kind") != "no_gap" or name == "kind":
            yield said(name, word, rulebook)


def said(name: str, word: str, rulebook: Rulebook) -> Said:
    """An input or output of a table in Japanese; what has no text keeps its word."""
    of = _SETS.get(name, name)
    term = rulebook.terms.get(of, {}).get(word)
    value = term.ja if term else _WORDS.get(of, {}).get(word, word)
    return Said(_NAMES.get(name, name), value, of, word, term is not None)
