"""Searching the frequent questions: as people type them, half typed, misspelt, in the middle of a message."""

from __future__ import annotations

import pytest

from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.faq import faq_categories, search_faq
from analyzer.programme.loading import load_programmes
from analyzer.programme.model import Faq
from analyzer.resources import programmes_dir


@pytest.fixture(scope="module")
def faq(knowledge: KnowledgeBase) -> tuple[Faq, ...]:
    return load_programmes(programmes_dir(), knowledge)["security-support-2026"].faq


def found(faq: tuple[Faq, ...], query: str) -> list[str]:
    return [hit.entry.id for hit in search_faq(faq, query)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("パスワードを忘れた", "forgotten_password"),
        ("ﾊﾟｽﾜｰﾄﾞ わすれた", "forgotten_password"),
        ("ぱすわーどわすれました", "forgotten_password"),
        ("パスワドを忘れた", "forgotten_password"),
        ("先日はありがとうございました。パスワードを忘れましたので、お願いします。", "forgotten_password"),
        ("途中で保存したい", "save_draft"),
        ("下書き", "save_draft"),
        ("差し戻し", "sent_back"),
        ("差戻し", "sent_back"),
        ("ｚｉｐ", "file_limits"),
        ("マクロ", "file_limits"),
        ("担当者が替わります", "change_of_contact"),
        ("同意は誰の名前ですればよいか", "who_consents"),
    ],
)
def test_the_entry_that_is_meant_comes_first(faq: tuple[Faq, ...], typed: str, first: str) -> None:
    assert found(faq, typed)[:1] == [first]


def test_every_entry_is_found_by_its_question_and_by_its_keywords(faq: tuple[Faq, ...]) -> None:
    for entry in faq:
        assert found(faq, entry.question)[0] == entry.id
        for keyword in entry.keywords:
            assert entry.id in {hit.entry.id for hit in search_faq(faq, keyword, len(faq))}, keyword


def test_what_is_being_typed_narrows_down(faq: tuple[Faq, ...]) -> None:
    whole = "パスワードを忘れた"
    ranks = [found(faq, whole[:end]).index("forgotten_password") for end in range(4, len(whole) + 1)]
    assert ranks[-1] == 0
    assert max(ranks) <= 2


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "あ",
        "。",
        "よろしくお願いします",
        "今日の天気は",
        "お世話になっております。先日の件ですが、",
        "\ud800",
        "a" * 9_000,
    ],
)
def test_nothing_is_offered_where_nothing_fits(faq: tuple[Faq, ...], typed: str) -> None:
    assert found(faq, typed) == []


def test_categories_keep_the_files_order(faq: tuple[Faq, ...]) -> None:
    assert faq_categories(faq)[0] == faq[0].category
    assert len(set(faq_categories(faq))) == len(faq_categories(faq))
