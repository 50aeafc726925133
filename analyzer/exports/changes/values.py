"""A field of a control, guideline or survey by its Japanese name, and its value as people read it."""

from __future__ import annotations

from typing import Any

from analyzer.comparison.controls_changes import FieldChange, Path
from analyzer.exports.changes.names import Names

_FIELDS = {
    "mark": "原典の標記",
    "section": "節",
    "level": "区分",
    "title": "項目名",
    "requirement": "要求事項",
    "points": "細目",
    "applies_if": "適用条件",
    "mic": "総務省の要求事項",
    "clauses": "条項",
    "agreements": "条項のない要求事項（合意等）",
    "responses": "ベンダーの回答",
    "conformity": "適合性",
    "statement": "ベンダーの見解",
    "urls": "見解が示すURL",
    "finding": "調査で確認した内容",
    "finding_documents": "確認内容が引く文献",
    "disclosure": "開示区分",
    "documents": "確認した公開文書",
    "certifications": "第三者認証",
    "interview": "インタビュー",
    "nda_documents": "NDA資料",
    "duties": "利用者側に残る対応",
    "expected_evidence": "想定される証跡",
    "note": "備考（出典の疑義等）",
    "related": "他のガイドラインの関連項目",
    "id": "番号",
    "ja": "日本語",
    "en": "英語",
    "edition": "版",
    "issuer": "発行者",
    "published": "発行日",
    "in_force": "現行の版か",
    "status_note": "版の状態",
    "successor": "後継",
    "surveyor": "調査者",
    "surveyed_on": "調査日",
    "surveyed_on_basis": "調査日の根拠",
}
_TITLES_OF_OTHERS = "題名"
_WORDS = {
    "level": "level",
    "conformity": "vendor_conformity",
    "disclosure": "disclosure",
    "surveyed_on_basis": "title_known",
}
NOTHING = "（なし）"
_EMPTY = "（欄はあるが、中身はない）"


def field_label(path: Path, of_control: bool = True) -> str:
    """`cybozu.com：開示区分`, `細目(2)`, `節／項目名（英語）`: what leads to a field, in words."""
    if path[0] == "points" and len(path) > 1:
        return f"{_FIELDS['points']}({path[1]})"
    prefix = ""
    if path[0] == "responses" and len(path) > 1:
        prefix, path = f"{path[1]}：", path[2:] or ("responses",)
    parts = list(path)
    language = ""
    if parts[-1] in {"ja", "en"} and len(parts) > 1:
        language = "（英語）" if parts.pop() == "en" else ""
    return prefix + "／".join(_name(part, nested or not of_control) for nested, part in enumerate(parts)) + language


def _name(part: str, titled: bool | int) -> str:
    return _TITLES_OF_OTHERS if part == "title" and titled else _FIELDS.get(part, part)


def field_values(change: FieldChange, names: Names) -> tuple[str, str]:
    """The old and the new value as text; NOTHING where there is none."""
    return value_text(change.path, change.old, names), value_text(change.path, change.new, names)


def value_text(path: Path, value: Any, names: Names) -> str:
    """A value of a field as text, one item of a list a line."""
    if value is None or value in ("", []):
        return NOTHING
    if isinstance(value, bool):
        return ("はい" if value else "いいえ") if path[-1] == "in_force" else ("あり" if value else "－")
    if isinstance(value, list):
        return "\n".join(f"・{_item(item, names)}" for item in value)
    if isinstance(value, dict):
        return "\n".join(_entries(path, value, names))
    text = str(value)
    if path == ("applies_if",):
        return names.condition(text)
    of = _WORDS.get(path[-1])
    known = names.terms[of].get(text) if of else None
    return known.ja if known else text


def _entries(path: Path, value: dict[str, Any], names: Names) -> list[str]:
    shown = []
    for key, inner in value.items():
        text = value_text((*path, key), inner, names)
        if text != NOTHING:
            label = key if path == ("responses",) else _FIELDS.get(key, key)
            shown.append(f"{label}：\n{text}" if isinstance(inner, (list, dict)) else f"{label}：{text}")
    return shown or [_EMPTY]


def _item(item: Any, names: Names) -> str:
    if not isinstance(item, dict):
        return str(item)
    if "parties" in item:
        parties = "、".join(names.word("party", party) for party in sorted(item["parties"], reverse=True))
        return f"【{parties}】{item['text']}"
    if "class" in item:
        note = f"（{item['note']}）" if item.get("note") else ""
        return f"{item['id']} {names.word('clause_class', item['class'])}{note}"
    if "relation" in item and "control" in item:
        return _relation(item, names)
    return "、".join(f"{_FIELDS.get(key, key)} {value}" for key, value in item.items())


def _relation(item: dict[str, Any], names: Names) -> str:
    words = [
        names.terms[of][word].ja if (word := str(item.get(key))) in names.terms.get(of, {}) else word
        for key, of in (("relation", "relation"), ("source", "relation_source"))
    ]
    return f"{item['control']} {words[0]}（{words[1]}）：{item.get('reason') or ''}"
