"""The evidence registers as a reader sees them: nothing registered is left out, every link leads to what it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

from analyzer.engine.analysis import Analyzer
from analyzer.engine.reliance import Item, find_item, own_evidence, register_items, reliance, relying_on
from analyzer.engine.rulebook import Rulebook
from analyzer.engine.what_if import WhatIf
from analyzer.exports.screens.ledger import (
    document_fragment,
    item_href,
    own_evidence_fragment,
    own_href,
    own_item_fragment,
    register_fragment,
)
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import load_institution
from analyzer.knowledge.loading import load_knowledge
from analyzer.model.institution import Institution, Review
from analyzer.resources import evidence_dir

TODAY = date(2026, 11, 1)
ISO = Item("cybozu.com", "certification", "iso-27001")
VOID = {"br", "img", "input", "hr", "meta", "link"}


def doc(number: str) -> Item:
    return Item("cybozu.com", "document", number)


@cache
def sample(name: str) -> Institution:
    return load_institution(evidence_dir() / "institutions" / f"{name}.yaml", load_knowledge())[0]


class Read(HTMLParser):
    """A fragment as read: its text, its links, its tables' rows, and whether every tag is closed in its turn."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(fragment)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.rows and self._open and ("td" in self._open or "th" in self._open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", "", "".join(self.words))

    def row(self, start: str) -> list[str]:
        """The row whose first cell begins so; cells without blanks."""
        found = [[re.sub(r"\s+", "", cell) for cell in row] for row in self.rows]
        return next(row for row in found if row and row[0].startswith(start))

    def controls(self) -> Iterator[str]:
        """The keys of the controls that links to the matrix name."""
        for link in self.links:
            parts = urlsplit(link)
            if parts.path == "matrix":
                yield parse_qs(parts.query)["control"][0]


def counted(read: Read, label: str) -> int:
    found = re.search(rf"{label}(\d+)件", read.text)
    assert found, label
    return int(found[1])


# -- the vendor's register --------------------------------------------------------------------------------------------


def test_the_register_shows_every_entry_with_what_rests_on_it(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    read = Read(register_fragment("cybozu.com", knowledge, rulebook, TODAY))
    for item, answers in reliance(knowledge, "cybozu.com").relying.items():
        assert item_href(item) in read.links
        if item.kind == "document":
            document = knowledge.vendors["cybozu.com"].documents[item.id]
            row = read.row(f"[{item.id}]")
            assert (document.title or "題名は分からない").replace(" ", "") in row[1]
            assert rulebook.term("title_known", document.title_known).ja in row[1]
            assert row[2] == rulebook.term("document_kind", document.kind).ja
            assert row[5] == f"{len(answers)}件"
            alone = sum(answer.only_support for answer in answers)
            assert row[6] == (f"{alone}件" if alone else "なし")
            assert (document.url in read.links) == (document.url is not None)
    survey = knowledge.vendors["cybozu.com"].survey
    for said in (survey.title, survey.edition, survey.surveyor, "2019年7月31日", "記述から推定"):
        assert said.replace(" ", "") in read.text


def test_a_withdrawn_edition_is_announced_before_the_tables(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    fragment = register_fragment("cybozu.com", knowledge, rulebook, TODAY)
    notice = fragment.index('class="notice"')
    assert notice < fragment.index("<table")
    read = Read(fragment)
    assert "2025年10月31日に効力を失った。この認証に依拠する回答は3件ある。" in read.text
    row = read.row("ISO/IEC27001:2013")
    assert row[1:3] == ["2013", "IS577142"]
    assert "失効" in row[3]
    assert "ISO/IEC27001:2022" in row[3]
    on_the_day = Read(register_fragment("cybozu.com", knowledge, rulebook, date(2025, 10, 31)))
    assert "2025年10月31日に効力を失った" in on_the_day.text
    earlier = Read(register_fragment("cybozu.com", knowledge, rulebook, date(2025, 10, 30)))
    assert "効力を失った" not in earlier.text
    assert "効力の終わる日2025年10月31日" in earlier.text


def test_an_old_survey_is_announced(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    limit = f"調査日から{rulebook.policy.survey_max_age_months}か月を過ぎている"
    assert limit in Read(register_fragment("cybozu.com", knowledge, rulebook, TODAY)).text
    assert limit not in Read(register_fragment("cybozu.com", knowledge, rulebook, date(2021, 1, 1))).text


def test_links_lead_to_the_entry_they_stand_for(knowledge: KnowledgeBase) -> None:
    for item in register_items(knowledge, "cybozu.com"):
        ((kind, (address,)),) = parse_qs(urlsplit(item_href(item)).query).items()
        assert find_item(knowledge, kind, address) == item  # type: ignore[arg-type]
    odd = "記録 &?=#<1>"
    assert parse_qs(urlsplit(own_href(odd)).query) == {"own": [odd]}


# -- an entry opened --------------------------------------------------------------------------------------------------


def test_an_opened_document_shows_its_data_and_all_that_rests_on_it(analyzer: Analyzer) -> None:
    for number in ("15", "13"):
        read = Read(document_fragment([doc(number)], analyzer, TODAY))
        answers = relying_on(analyzer.knowledge, [doc(number)])
        assert list(read.controls()) == [answer.control.key for answer in answers]
        assert counted(read, "依拠する項目") == len(answers)
        assert counted(read, "うちほかに裏付けなし") == sum(answer.only_support for answer in answers)
        record = analyzer.knowledge.vendors["cybozu.com"].documents[number]
        assert re.sub(r"\s+", "", record.basis) in read.text
        assert "場合" not in read.text.replace(re.sub(r"\s+", "", record.basis), "")


def test_a_row_tells_how_the_answer_uses_the_document_and_what_else_there_is(analyzer: Analyzer) -> None:
    read = Read(document_fragment([doc("15")], analyzer, TODAY))
    alone, beside = read.row("6.1-01"), read.row("6.1-02")
    assert alone[1] == "確認した公開文書、調査で確認した内容"
    assert "ほかにない" in alone[2]
    assert "NDA資料" in beside[2]
    assert "ほかにない" not in beside[2]


def test_the_fall_comes_counts_first_and_names_both_states(analyzer: Analyzer, rulebook: Rulebook) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    fall = WhatIf(analyzer).without(assessment, [doc("15")])
    read = Read(document_fragment([doc("15")], analyzer, TODAY, assessment))
    assert counted(read, "適合が失われる項目") == sum(change.conformity_lost for change in fall.changed) == 3
    assert counted(read, "裏付けが弱まる項目") == 6
    assert counted(read, "ギャップが増える項目") == sum(bool(change.new_gaps) for change in fall.changed)
    assert counted(read, "変わらない項目") == len(fall.unchanged)
    change = next(one for one in fall.changed if one.conformity_lost)
    row = read.row(change.control.id)
    for of, word in (("conformity", change.before.conformity), ("conformity", change.after.conformity)):
        assert rulebook.term(of, word).mark + rulebook.term(of, word).ja in row[1]
    assert rulebook.term("assurance", "none").ja in row[2]
    assert rulebook.term("gap_kind", "vendor_confirmation").ja in row[3]
    assert row[4] == "回答を裏付ける文書が示されていない。"
    # Every control that rests on it is listed, fallen or not.
    assert set(read.controls()) == {one.control.key for one in relying_on(analyzer.knowledge, [doc("15")])}


def test_what_weighs_most_is_read_first(analyzer: Analyzer) -> None:
    """The results of the 26 changes in the order of the controls would mix them."""
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    fall = WhatIf(analyzer).without(assessment, [doc("01")])
    weights = [(not one.conformity_lost, not one.new_gaps) for one in fall.changed]
    assert weights != sorted(weights)
    read = Read(document_fragment([doc("01")], analyzer, TODAY, assessment))
    shown = list(read.controls())[: len(fall.changed)]
    by_key = {one.control.key: weight for one, weight in zip(fall.changed, weights, strict=True)}
    assert [by_key[key] for key in shown] == sorted(weights)


def test_an_edition_withdrawn_already_is_said_to_be_in_the_results(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    read = Read(document_fragment([ISO], analyzer, TODAY, assessment))
    assert "すでに2025年10月31日に効力を失っている" in read.text
    assert "依拠する3件の判定は、失効を織り込んでいる" in read.text
    assert counted(read, "失効を織り込み済みの項目") == 3
    assert {"meti-2:2.1-00", "meti-2:2.3-04", "meti-2:2.3-05"} == set(read.controls())


def test_a_lapse_to_come_shows_what_it_would_take(analyzer: Analyzer) -> None:
    institution = sample("minato-general-hospital")
    read_it = (Review("public", date(2025, 5, 1), (), None, None),)
    seen = replace(institution, services=tuple(replace(one, reviews=read_it) for one in institution.services))
    assessment = analyzer.analyze(seen, date(2025, 6, 1))
    read = Read(document_fragment([ISO], analyzer, TODAY, assessment))
    assert "すでに" not in read.text
    assert counted(read, "適合が失われる項目") == 1
    row = read.row("2.1-00")
    assert "公開文書で確認→から古い・失効" in row[2]
    assert "失効" in row[4]


def test_several_entries_opened_together_fall_together(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    manuals = [doc(number) for number in ("20", "21", "22", "23")]
    read = Read(document_fragment(manuals, analyzer, TODAY, assessment))
    fall = WhatIf(analyzer).without(assessment, manuals)
    assert fall.changed
    assert counted(read, "裏付けが弱まる項目") == len(fall.changed)
    assert "これらがすべてなくなった場合" in read.text
    with pytest.raises(ValueError, match="one vendor"):
        document_fragment([doc("15"), Item("example-cloud", "document", "01")], analyzer, TODAY)
    with pytest.raises(ValueError, match="one vendor"):
        document_fragment([], analyzer, TODAY)


def test_a_vendor_that_the_institution_does_not_use_takes_nothing(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(replace(sample("hidamari-clinic"), services=()), TODAY)
    read = Read(document_fragment([doc("15")], analyzer, TODAY, assessment))
    assert "利用していないため、判定に影響しない" in read.text
    assert len(list(read.controls())) == len(relying_on(analyzer.knowledge, [doc("15")]))


@pytest.mark.parametrize("name", ["hidamari-clinic", "minato-general-hospital"])
def test_every_entry_opens(analyzer: Analyzer, name: str) -> None:
    assessment = analyzer.analyze(sample(name), TODAY)
    for item in register_items(analyzer.knowledge, "cybozu.com"):
        Read(document_fragment([item], analyzer, TODAY, assessment))


def test_what_a_register_says_is_shown_and_not_run(knowledge: KnowledgeBase, rulebook: Rulebook) -> None:
    vendor = knowledge.vendors["cybozu.com"]
    attack = "<script>alert(1)</script>"
    hostile = replace(vendor.documents["15"], title=attack, basis=attack, url="javascript:alert(1)")
    register = replace(vendor, documents={**vendor.documents, "15": hostile})
    engine = Analyzer(replace(knowledge, vendors={**knowledge.vendors, "cybozu.com": register}))
    for fragment in (
        register_fragment("cybozu.com", engine.knowledge, rulebook, TODAY),
        document_fragment([doc("15")], engine, TODAY),
    ):
        assert "<script" not in fragment
        assert attack in unescape(fragment)
        assert not any(link.startswith("javascript") for link in Read(fragment).links)


# -- the institution's own evidence -----------------------------------------------------------------------------------


def test_own_evidence_is_listed_whole_with_periods_and_state(analyzer: Analyzer, rulebook: Rulebook) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    read = Read(own_evidence_fragment(assessment, analyzer.knowledge, rulebook))
    pieces = own_evidence(assessment.institution, TODAY, analyzer.knowledge, rulebook.policy)
    words = {"expired": "×期限切れ", "due": "◇期限間近残り", "current": "○有効", "upcoming": "△発行前"}
    for piece in pieces:
        link = own_href(piece.evidence.id)
        assert link in read.links
        row = next(row for row in read.rows if row and row[0].endswith(piece.evidence.id))
        cells = [re.sub(r"\s+", "", cell) for cell in row]
        assert cells[0] == re.sub(r"\s+", "", piece.evidence.title) + piece.evidence.id
        assert cells[1] == rulebook.term("evidence_kind", piece.evidence.kind).ja
        assert cells[2].startswith(words[piece.state])
        last = piece.expires_on
        assert cells[3] == f"{last.year}年{last.month}月{last.day}日"
        assert cells[7].startswith(f"{len(piece.relying)}件" if piece.relying else "なし")
        assert all(resting.control.id in cells[7] for resting in piece.relying)
    states = [piece.state for piece in pieces]
    assert counted(read, "期限切れ") == states.count("expired") > 0
    assert counted(read, "期限間近") == states.count("due") > 0


def test_own_evidence_opened_shows_what_falls_without_it(analyzer: Analyzer, rulebook: Rulebook) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    what_if = WhatIf(analyzer)
    identity, fall = next(
        (identity, fall)
        for identity in assessment.institution.evidence
        for fall in [what_if.without_own(assessment, [identity])]
        if any(change.conformity_lost for change in fall.changed)
    )
    read = Read(own_item_fragment(identity, analyzer, assessment))
    evidence = assessment.institution.evidence[identity]
    for text in (evidence.id, evidence.title, evidence.location, evidence.note):
        assert text is None or re.sub(r"\s+", "", text) in read.text
    assert counted(read, "適合が失われる項目") == sum(change.conformity_lost for change in fall.changed)
    assert set(read.controls()) >= {change.control.key for change in fall.changed}
    row = read.row(next(change.control.id for change in fall.changed if change.conformity_lost))
    assert row[2].startswith("有効な証跡あり→から証跡なし")
    assert rulebook.term("gap_kind", "proof_missing").ja in row[3]
    with pytest.raises(KeyError):
        own_item_fragment("no-such-record", analyzer, assessment)


def test_a_record_that_only_backs_unfinished_duties_is_said_to_change_no_result(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(sample("minato-general-hospital"), TODAY)
    what_if = WhatIf(analyzer)
    identity, change = next(
        (identity, change)
        for identity in assessment.institution.evidence
        for change in what_if.without_own(assessment, [identity]).changed
        if change.only_reason and change.before.reason == change.after.reason
    )
    read = Read(own_item_fragment(identity, analyzer, assessment))
    assert counted(read, "証跡だけが変わる項目") > 0
    assert read.row(change.control.id)[4] == "証跡は減るが、判定とギャップは変わらない。"


def test_every_piece_of_own_evidence_opens(analyzer: Analyzer) -> None:
    assessment = analyzer.analyze(sample("hidamari-clinic"), TODAY)
    for identity in assessment.institution.evidence:
        Read(own_item_fragment(identity, analyzer, assessment))


def test_an_institution_without_evidence_is_told_so(analyzer: Analyzer, rulebook: Rulebook) -> None:
    bare = replace(sample("hidamari-clinic"), evidence={}, answers={})
    read = Read(own_evidence_fragment(analyzer.analyze(bare, TODAY), analyzer.knowledge, rulebook))
    assert "登録された証跡はない。" in read.text
