"""The words of comparisons, beside those of the rulebook; each carries a mark, so that no colour has to say it."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.engine.rulebook import Rulebook, Term

_WORDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "change": {
        "added": ("追加", "Added", "＋"),
        "removed": ("削除", "Removed", "－"),
        "changed": ("変更", "Changed", "△"),
    },
    "subject": {
        "control": ("管理策", "Control", ""),
        "guideline": ("ガイドライン", "Guideline", ""),
        "survey": ("調査", "Survey", ""),
    },
    "direction": {
        "better": ("改善", "Better", "↑"),
        "worse": ("悪化", "Worse", "↓"),
        "same": ("同じ水準", "Same", "＝"),
        "left_out": ("該当なしになった", "Became not applicable", "－"),
        "taken_in": ("該当するようになった", "Became applicable", "＋"),
        "added": ("旧の分析になく、新しく加わった", "Added", "＋"),
        "removed": ("新の分析になく、外れた", "Removed", "－"),
    },
    "movement": {
        "opened": ("新規", "Opened", "＋"),
        "open": ("継続", "Still open", "＝"),
        "closed": ("解消", "Closed", "✓"),
    },
    "cause": {
        "new": ("新たに生じた", "Newly arisen", ""),
        "settled": ("ギャップがなくなった", "Settled", ""),
        "other_kind": ("ギャップの種類が変わった", "Turned into another kind", ""),
        "left_out": ("項目が該当なしになった", "Control became not applicable", ""),
        "taken_in": ("項目が該当するようになった", "Control became applicable", ""),
        "declared_not_applicable": ("該当なしと申告された", "Declared not applicable", ""),
        "duty_gone": ("その当事者の対応でなくなった", "No longer that party's duty", ""),
        "duty_new": ("その当事者の対応になった", "Became that party's duty", ""),
        "control_removed": ("項目が分析の対象から外れた", "Control removed", ""),
        "control_added": ("項目が分析の対象に加わった", "Control added", ""),
        "service_removed": ("サービスの利用をやめた", "Service no longer used", ""),
        "service_added": ("サービスの利用を始めた", "Service newly used", ""),
        "still": ("残っている", "Still there", ""),
    },
}


def all_terms(rulebook: Rulebook) -> Mapping[str, Mapping[str, Term]]:
    """The rulebook's words by set, and those of comparisons; where both have a set, the rulebook's count."""
    own = {of: {word: Term(ja, en, mark, "") for word, (ja, en, mark) in words.items()} for of, words in _WORDS.items()}
    return {**own, **rulebook.terms}
