"""Searching: what an auditor types, and which controls come first."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import InputError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.loading import load_knowledge
from analyzer.knowledge.schemas import read_document
from analyzer.model.controls import Text
from analyzer.resources import rules_dir
from analyzer.search.excerpts import excerpt, highlight
from analyzer.search.index import Hit, SearchIndex
from analyzer.search.normalise import fold
from analyzer.search.synonyms import load_synonyms, shipped_synonyms


@cache
def knowledge() -> KnowledgeBase:
    return load_knowledge()


@cache
def index() -> SearchIndex:
    return SearchIndex(knowledge())


def found(query: str, **options: object) -> list[str]:
    """The ids that a query finds among MHLW's items, best first."""
    return [hit.control.id for hit in index().find(query, limit=None, guideline="mhlw-5", **options)]


def reworded(titles: dict[str, str], others: str = "別の題") -> SearchIndex:
    """An index over controls that consist of a title only: `titles` by id, `others` for the rest of section 6.2."""
    controls = {
        key: replace(
            control,
            title=Text(titles.get(control.id, others), "Title"),
            requirement="なし",
            points=(),
            mic=None,
            responses={},
            expected_evidence=(),
            note=None,
        )
        for key, control in knowledge().controls.items()
        if control.section.id == "6.2"
    }
    return SearchIndex(replace(knowledge(), controls=controls))


def ids(hits: list[Hit]) -> list[str]:
    return [hit.control.id for hit in hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("アクセスログ", ["6.5-07", "6.5-08"]),
        ("無線LAN", ["6.5-12", "6.5-19"]),
        ("wifi", ["6.5-12", "6.5-19"]),
        ("Wi Fi", ["6.5-12", "6.5-19"]),
        ("委託", ["6.3-04"]),
        ("監視カメラ", ["6.4-06"]),
        ("ウィルス", ["6.5-10"]),
        ("アクセスロク", ["6.5-07", "6.5-08"]),
        ("監視カメら", ["6.4-06"]),
        ("監視カメロ", ["6.4-06"]),
        ("パスワード", ["6.5-11"]),
        ("ログ", ["6.5-07", "6.5-08"]),
        ("再委託", ["6.8-09", "6.6-08"]),
        ("電子署名", ["6.12-01"]),
        ("BYOD", ["6.9-14"]),
        ("リモート保守", ["6.8-08"]),
    ],
)
def test_what_an_auditor_means_comes_first(query: str, first: list[str]) -> None:
    assert found(query)[: len(first)] == first


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("ログ", {"6.5-07", "6.5-08", "6.8-10", "6.8-14", "6.8-08", "6.5-20"}),
        ("パスワード", {"6.5-11", "6.5-17", "6.5-02", "6.9-06"}),
        ("パスワド", {"6.5-11", "6.5-17", "6.5-02", "6.9-06"}),
        ("パスワアド", {"6.5-11", "6.5-17", "6.5-02", "6.9-06"}),
        ("アウトソーシング", {"6.3-04", "6.7-03", "8.2-01", "8.1-11"}),
        ("退室", {"6.3-02", "6.4-03"}),
    ],
)
def test_the_controls_that_are_about_a_word_lead(query: str, first: set[str]) -> None:
    assert set(found(query)[: len(first)]) == first


@pytest.mark.parametrize(
    "query", ["6.5-07", "６．５－０７", "6.5-7", "6.5ー07", "mhlw-5:6.5-07", "ＭＨＬＷ－５：６．５－０７"]
)
def test_an_id_finds_its_control_first_however_it_is_typed(query: str) -> None:
    hit = index().find(query, guideline="mhlw-5")[0]
    assert (hit.control.key, hit.score) == ("mhlw-5:6.5-07", 100.0)
    assert hit.matches[0].field == "id"


@pytest.mark.parametrize("query", ["Ⅱ.4.1.1", "II.4.1.1", "ii.4.1.1", "Ⅱ．４．１．１"])
def test_a_clause_id_finds_every_control_that_cites_it(query: str) -> None:
    citing = knowledge().citing_controls["Ⅱ.4.1.1"]
    hits = index().find(query, limit=len(citing))
    assert [hit.control for hit in hits] == list(citing)
    assert all((hit.matches[0].field, hit.matches[0].source) == ("clause", "Ⅱ.4.1.1") for hit in hits)


def test_a_section_id_finds_its_controls_in_order() -> None:
    own = [control.id for control in knowledge().controls.values() if control.section.id == "6.4"]
    assert found("6.4")[: len(own)] == own


@pytest.mark.parametrize("query", ["", " ", "\u3000", "、。", "・", "\n\t"])
def test_a_query_without_words_finds_nothing(query: str) -> None:
    assert index().find(query) == []


def test_log_is_not_found_inside_program_or_catalogue() -> None:
    hits = reworded(
        {"6.2-01": "プログラムとカタログの管理", "6.2-02": "カタログ", "6.2-03": "アクセスの監視ログ"}
    ).find("ログ")
    assert ids(hits) == ["6.2-03"]


def test_log_inside_a_longer_word_is_better_than_nothing() -> None:
    hits = reworded({"6.2-01": "修正プログラムの適用"}).find("ログ")
    assert ids(hits) == ["6.2-01"]
    assert hits[0].matches[0].spans == ((3, 5),)


def test_log_is_found_at_the_end_of_a_compound() -> None:
    titles = {
        "6.2-01": "アクセスログの保管",
        "6.2-02": "イベントログの保管",
        "6.2-03": "アクセスの許可",
        "6.2-04": "ブログの運営",
    }
    assert set(ids(reworded(titles).find("ログ"))) == {"6.2-01", "6.2-02"}


def test_latin_words_are_not_found_inside_others() -> None:
    assert ids(reworded({"6.2-01": "planning", "6.2-02": "院内LANの管理"}).find("LAN")) == ["6.2-02"]


def test_mail_is_not_found_in_hiragana_that_reads_alike() -> None:
    hits = reworded({"6.2-01": "手順を定める", "6.2-02": "電子メールの管理"}).find("メール")
    assert ids(hits) == ["6.2-02"]


def test_short_words_and_numbers_are_not_guessed_at() -> None:
    there = reworded({"6.2-01": "ログとISO27001の保管"})
    assert there.find("ロク") == []
    assert there.find("27002") == []


def test_a_misspelt_phrase_is_found_where_it_stands() -> None:
    hit = index().find("業務日誌棟に必ず記録", guideline="mhlw-5")[0]
    assert hit.control.id == "6.5-07"
    (start, end), *_ = hit.matches[0].spans
    assert hit.matches[0].text[start:end] == "業務日誌等に必ず記録"


def test_every_word_has_to_be_found() -> None:
    both = set(found("無線LAN 暗号化"))
    assert both
    assert both == set(found("無線LAN")) & set(found("暗号化"))
    assert found("無線LAN 該当しない言葉の例") == []


def test_a_compound_is_found_by_its_parts_where_it_stands_nowhere() -> None:
    assert ids(reworded({"6.2-01": "対策は無線LANに", "6.2-02": "無線LAN", "6.2-03": "対策"}).find("無線LAN対策")) == [
        "6.2-01"
    ]


def test_a_control_about_a_word_ranks_above_one_that_mentions_it() -> None:
    mentions = "機器の台帳を整え、設置の場所と管理する者を決め、鍵の受渡しと点検の記録も残す"
    hits = reworded({"6.2-01": mentions, "6.2-02": "鍵の管理"}).find("鍵")
    assert ids(hits) == ["6.2-02", "6.2-01"]


def test_limit_and_guideline_narrow_the_hits() -> None:
    everything = index().find("管理", limit=None)
    assert index().find("管理", limit=3) == everything[:3]
    assert index().find("管理", limit=0) == []
    assert index().find("管理", limit=None, guideline="mhlw-5") == [
        hit for hit in everything if hit.control.guideline == "mhlw-5"
    ]
    assert index().find("管理", guideline="no-such-guideline") == []


def test_a_match_says_which_text_and_where() -> None:
    hit = index().find("クリアスクリーン", guideline="mhlw-5")[0]
    assert hit.fields[0] == "title"
    match = hit.matches[0]
    assert match.text == hit.control.title.ja
    assert [match.text[start:end] for start, end in match.spans] == ["クリアスクリーン"]


def test_the_long_vowel_mark_is_highlighted_with_its_word() -> None:
    match = reworded({"6.2-01": "ファイルサーバーの更新"}).find("サーバ")[0].matches[0]
    assert [match.text[start:end] for start, end in match.spans] == ["サーバー"]


def test_a_ligature_is_highlighted_whole() -> None:
    match = reworded({"6.2-01": "委託先㈱サンプルの点検"}).find("株")[0].matches[0]
    assert [match.text[start:end] for start, end in match.spans] == ["㈱"]


def test_hostile_texts_can_be_indexed_and_searched() -> None:
    there = reworded(
        {"6.2-01": "ア" * 20_000, "6.2-02": "アア", "6.2-03": "\u3099\uff9e\x00ログ\ud800", "6.2-04": "ー" * 50}
    )
    assert ids(there.find("ログ")) == ["6.2-03"]
    assert there.find("アア")
    assert there.find("\ud800\ud801xyz\udfff") == []


def test_highlight_gives_the_text_back_in_segments() -> None:
    assert highlight("アクセスログの保護", [(4, 6), (0, 4), (7, 99), (3, 3)]) == [
        ("アクセスログ", True),
        ("の", False),
        ("保護", True),
    ]
    assert highlight("", [(0, 1)]) == []


def test_an_excerpt_shows_the_match_and_what_was_cut() -> None:
    text = "あ" * 100 + "ログ" + "い" * 100
    shown = excerpt(text, [(100, 102)], width=40)
    assert shown.text.startswith("…") and shown.text.endswith("…") and len(shown.text) == 42
    assert [shown.text[start:end] for start, end in shown.spans] == ["ログ"]
    assert excerpt("ログ", [(0, 2)], width=40).text == "ログ"


def test_synonyms_work_both_ways_and_none_is_only_another_spelling() -> None:
    path = rules_dir() / "synonyms.yaml"
    for group in read_document(path.read_bytes(), path.name, "synonyms")["groups"]:
        folded = [fold(term).text for term in group]
        assert len(set(folded)) == len(group), group
        for term in folded:
            assert {word.text for word in shipped_synonyms()[term]} >= set(folded) - {term}


def test_a_faulty_synonym_file_is_refused_with_the_line(tmp_path: Path) -> None:
    broken = tmp_path / "synonyms.yaml"
    broken.write_text("groups:\n  - [ログ, 記録]\n  - [孤立]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"synonyms\.yaml:3: groups\[1\]"):
        load_synonyms(broken)


ANY_TEXT = st.text(st.characters(), max_size=1000)
KANA = "".join(chr(code) for code in range(0x30A1, 0x30F5)) + "ー"
TERMS = [
    *("アクセスログ", "ログ", "パスワード", "無線LAN", "監視カメラ", "ID・パスワード", "サーバ", "IoT機器"),
    *("アクセスロク", "Wi-Fi", "メール", "6.5-07", "クリアスクリーン", "離席時のクローズ処理", "ウィルス", "の"),
    *("ログ 保存期間", "データ", "業務日誌棟に必ず記録する", "無線LAN対策"),
]
QUERIES = st.one_of(
    st.sampled_from(TERMS), st.text(st.sampled_from(KANA + " abcXYZ019管理"), max_size=12), st.text(KANA, max_size=5)
)
HALF_WIDTH = {
    **{unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF61, 0xFF9E)},
    **{
        composed: chr(code) + mark
        for code in range(0xFF66, 0xFF9E)
        for mark in "\uff9e\uff9f"
        if len(composed := unicodedata.normalize("NFKC", chr(code) + mark)) == 1
    },
}


def hiragana(text: str) -> str:
    return "".join(chr(ord(ch) - 0x60) if "ァ" <= ch <= "ヶ" else ch for ch in text)


def katakana(text: str) -> str:
    return "".join(chr(ord(ch) + 0x60) if "ぁ" <= ch <= "ゖ" else ch for ch in text)


def half_width(text: str) -> str:
    return "".join(HALF_WIDTH.get(ch, ch) for ch in katakana(text))


def full_width(text: str) -> str:
    return "".join(chr(ord(ch) + 0xFEE0) if "!" <= ch <= "~" else "\u3000" if ch == " " else ch for ch in text)


@settings(max_examples=150, deadline=None)
@given(st.one_of(ANY_TEXT, QUERIES))
def test_any_text_can_be_searched_for(query: str) -> None:
    hits = index().find(query, limit=None)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)
    for hit in hits:
        assert hit.matches
        for match in hit.matches:
            assert match.spans
            ends = [0, *(offset for span in match.spans for offset in span), len(match.text)]
            assert ends == sorted(ends)
            assert all(start < end for start, end in match.spans)
            shown = match.excerpt(30)
            assert "".join(part for part, _ in highlight(shown.text, shown.spans)) == shown.text


@settings(max_examples=150, deadline=None)
@given(QUERIES)
def test_the_script_a_query_is_typed_in_makes_no_difference(query: str) -> None:
    expected = [(hit.control.key, hit.score) for hit in index().find(query)]
    for variant in (full_width, half_width, hiragana, katakana, str.upper):
        assert [(hit.control.key, hit.score) for hit in index().find(variant(query))] == expected


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(st.characters(), max_size=60), st.text("ｶﾞﾊﾟサーバ-Wi株㈱…Ⅱ\u3099ß\n", max_size=20)))
def test_every_folded_character_leads_back_to_the_original(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.written) == len(folded.starts) == len(folded.ends) == len(folded.kinds)
    starts, ends = folded.starts.tolist(), folded.ends.tolist()
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))


@settings(max_examples=200, deadline=None)
@given(st.text("あいログ、。", max_size=40), st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50)), max_size=6))
def test_highlighting_loses_no_character(text: str, spans: list[tuple[int, int]]) -> None:
    segments = highlight(text, spans)
    assert "".join(part for part, _ in segments) == text
    marked = [lit for part, lit in segments for _ in part]
    assert marked == [any(start <= at < end for start, end in spans) for at in range(len(text))]
