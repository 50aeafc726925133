"""多機関の状況 as the app draws it: a run and the registered institutions, each view, who may see it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import date
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from app_pages import facets, open_page, panels, said, tables
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from analyzer.cli.app import app as app_command
from analyzer.cli.portfolio import portfolio as portfolio_command
from analyzer.engine.analysis import Analyzer
from analyzer.exports.portfolio_overview import InstitutionCounts, PortfolioSummary, rate_band
from analyzer.knowledge.base import KnowledgeBase
from analyzer.portfolio.choosing import UNNAMED, Choice, Listing, PortfolioBrowser
from analyzer.portfolio.reading import open_run
from analyzer.resources import app_file, sample_institutions
from analyzer.store.accounts import Accounts
from analyzer.store.principal import SINGLE_USER, ForbiddenError, Principal, Role
from analyzer.store.signing_in import SigningIn
from analyzer.web.settings import AppSettings, environment_of
from analyzer.web.workspace import Workspace, workspace

DAY = "2026-11-01"
CLINIC, HOSPITAL = "hidamari-clinic", "minato-general-hospital"
COUNT = 130


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over made-up institutions."""
    folder = tmp_path_factory.mktemp("portfolio")
    table, made = folder / "made-up.parquet", folder / "run"
    for arguments in (
        ["generate", str(COUNT), "--seed", "7", "-o", str(table), "--as-of", DAY],
        ["analyse", str(table), "-o", str(made), "--as-of", DAY],
    ):
        result = CliRunner().invoke(portfolio_command, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
    return made


@pytest.fixture
def shown_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The app is started with the run."""
    monkeypatch.setenv("SANSHO_PORTFOLIO", str(run))
    return run


@pytest.fixture(scope="module")
def browser(run: Path, knowledge: KnowledgeBase, analyzer: Analyzer) -> PortfolioBrowser:
    return PortfolioBrowser(open_run(run, knowledge), knowledge, analyzer.rulebook)


@pytest.fixture(scope="module")
def summary(browser: PortfolioBrowser) -> PortfolioSummary:
    return browser.summary


def page(**query: str | list[str]) -> AppTest:
    app = open_page("portfolio", {"as_of": DAY, **query})
    assert not app.exception
    return app


def links(app: AppTest) -> list[dict[str, list[str]]]:
    """The parameters of every link of the panels that stays on the page."""
    hrefs = re.findall(r'<a href="(\?[^"]*)"', panels(app))
    return [parse_qs(urlsplit(unescape(href)).query) for href in hrefs]


def listed(app: AppTest) -> list[str]:
    return [row["id"] for row in tables(app)[0]["rows"]]


# -- a run ------------------------------------------------------------------------------------------------------------


def test_the_head_says_what_the_figures_rest_on(shown_run: Path, summary: PortfolioSummary) -> None:
    shown = panels(page())
    assert "すべて架空の医療機関であり" in shown
    assert f">{COUNT}<" in shown
    assert "2026年11月1日" in shown
    assert summary.knowledge_version in shown
    assert f"{summary.total.rate:.1%}" in shown
    for word in ("high", "medium", "low"):
        assert f"{summary.total.gaps[word]:,}" in shown


def test_every_band_leads_to_just_the_institutions_it_counts(shown_run: Path, summary: PortfolioSummary) -> None:
    bands = [each for each in links(page()) if "band" in each]
    assert [each["band"] for each in bands] == [[str(band)] for band in range(10)]
    full = max(range(10), key=lambda band: summary.rate_bands[band])
    app = page(**bands[full])
    assert f"**{summary.rate_bands[full]} 機関**" in said(app)
    rates = {each.id: each.counts.rate for each in summary.ranked}
    assert {rate_band(rates[identity] or 0) for identity in listed(app)} == {full}


def test_groups_are_compared_and_lead_to_their_institutions(shown_run: Path, summary: PortfolioSummary) -> None:
    app = page()
    assert all(f"{label}の比較" in panels(app) for label in ("種別", "規模", "地域"))
    for axis in ("kind", "size", "region"):
        group = next(each for each in summary.groups if each.axis == axis and each.group)
        target = next(each for each in links(app) if each.get(axis) == [group.group])
        assert f"**{group.institutions} 機関**" in said(page(**target))


def test_the_map_says_the_share_and_the_count_of_every_section_and_kind(
    shown_run: Path, summary: PortfolioSummary, knowledge: KnowledgeBase
) -> None:
    for guideline in knowledge.encoded_guidelines:
        shown = panels(page(view="map", guideline=guideline.id))
        for each in summary.sections:
            applicable = sum(count for word, count in each.conformity.items() if word != "not_applicable")
            if each.guideline == guideline.id and applicable:
                rate = each.conformity.get("conforming", 0) / applicable
                assert f'<span class="rate">{rate:.1%}</span> <span class="n">{applicable:,}件</span>' in shown


def test_a_place_of_the_map_leads_to_the_controls_of_its_section(shown_run: Path, knowledge: KnowledgeBase) -> None:
    target = next(each for each in links(page(view="map")) if each["view"] == ["missed"])
    app = page(**target)
    keys = re.findall(r'href="matrix\?control=([^"]+)"', panels(app))
    sections = {knowledge.controls[unescape(key).replace("%3A", ":")].section for key in keys}
    assert [[f"{section.guideline}:{section.id}"] for section in sections] == [target["section"]]


def test_controls_for_a_training_come_by_the_share_that_misses_them(shown_run: Path, summary: PortfolioSummary) -> None:
    app = page(view="missed")
    shares = [int(missing) / int(of) for missing, of in re.findall(r"(\d+)／(\d+)機関", panels(app))]
    assert len(shares) == 20
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == max(each.missing / each.applicable for each in summary.missed if each.applicable)
    more = next(button for button in app.button if "もっと見る" in button.label)
    more.click().run()
    assert app.query_params["shown"] == "40"
    assert len(re.findall(r"\d+／\d+機関", panels(app))) == 40


def test_controls_for_a_training_are_counted_for_one_kind(
    shown_run: Path, browser: PortfolioBrowser, summary: PortfolioSummary
) -> None:
    kind = browser.kinds[0]
    at_one = {each.control: each for each in browser.missed(kind).items}
    at_all = {each.control: each for each in browser.missed().items}
    known = next(each for each in summary.missed if each.by_kind.get(kind, (0, 0))[1])
    assert (at_one[known.control].applicable, at_one[known.control].missing) == known.by_kind[kind]
    assert all(at_one[control].missing <= at_all[control].missing for control in at_one)
    parts = [each for kind in browser.kinds for each in browser.missed(kind).items if each.control == known.control]
    assert at_all[known.control].missing == sum(each.missing for each in parts)
    app = page(view="missed", kind=kind)
    assert app.segmented_control(key="_portfolio_missed_kind").value == kind


def test_frequent_gaps_are_narrowed_by_what_they_are(shown_run: Path, summary: PortfolioSummary) -> None:
    app = page(view="gaps", priority="high")
    wanted = [each for each in summary.gaps if each.priority == "high"]
    assert f"**{len(wanted)} 種類**" in said(app)
    most = max(each.institutions for each in wanted)
    assert re.findall(r'<span class="of">(\d+)機関', panels(app))[0] == str(most)
    for facet, values in facets(app).items():
        for value, (count, chosen) in values.items():
            if not chosen and facet != "priority":
                assert f"**{count} 種類**" in said(page(view="gaps", priority="high", **{facet: value}))
                break


def test_institutions_are_ranked_searched_sorted_and_turned_over(shown_run: Path, summary: PortfolioSummary) -> None:
    first = page(view="institutions")
    rates = {each.id: each.counts.rate or 0.0 for each in summary.ranked}
    assert listed(first) == sorted(rates, key=lambda each: (rates[each], -_gaps(summary, each), each))[:50]
    assert len(listed(page(view="institutions", page="3"))) == COUNT - 100
    assert listed(page(view="institutions", page="99")) == listed(page(view="institutions", page="3"))
    best = listed(page(view="institutions", sort="-rate"))
    assert rates[best[0]] == max(rates.values())
    assert listed(page(view="institutions", q="ＦＩＣＴＩＯＮＡＬ-0000012")) == ["fictional-0000012"]
    named = next(each for each in summary.ranked if each.kind == "pharmacy")
    assert named.id in listed(page(view="institutions", q=named.name))
    assert "条件に合う機関はありません" in said(page(view="institutions", q="どこにもない"))


def _gaps(summary: PortfolioSummary, identity: str) -> int:
    return next(each.counts.gaps.get("high", 0) for each in summary.ranked if each.id == identity)


def test_an_opened_institution_shows_its_counts_and_its_results(shown_run: Path, browser: PortfolioBrowser) -> None:
    institution = browser.summary.ranked[3]
    app = page(view="institutions", opened=institution.id)
    assert institution.name in panels(app)
    assert "この機関の画面" not in panels(app), "it is not registered"
    rows = tables(app)[0]["rows"]
    assert len(rows) == sum(institution.counts.conformity.values())
    for word, count in institution.counts.conformity.items():
        if count:
            assert f"**{count} 件**" in said(page(opened=institution.id, conformity=word))
    hrefs = [each for each in links(app) if "section" in each]
    counted = [len(tables(page(**href))[0]["rows"]) for href in hrefs[:2]]
    sections = Counter(
        f"{control.section.guideline}:{control.section.id}"
        for cell in browser.cells(institution.id).items
        for control in [browser.knowledge.controls[cell.control]]
    )
    assert counted == [sections[href["section"][0]] for href in hrefs[:2]]


def test_the_way_back_from_an_institution_keeps_the_list(shown_run: Path) -> None:
    app = page(view="institutions", kind="clinic", sort="-rate", q="診療所")
    target = parse_qs(urlsplit(tables(app)[0]["rows"][0]["href"]).query)
    opened = page(**target)
    next(button for button in opened.button if button.label == "一覧に戻る").click().run()
    assert {name: opened.query_params[name] for name in ("view", "kind", "sort", "q")} == {
        "view": "institutions",
        "kind": "clinic",
        "sort": "-rate",
        "q": "診療所",
    }


def test_a_narrowed_list_says_the_numbers_that_it_then_has(browser: PortfolioBrowser) -> None:
    listing: Listing[InstitutionCounts] = browser.institutions
    for wanted in (Choice(), Choice("診療所"), Choice("", {"kind": ("clinic", "pharmacy")})):
        before = listing.choose(wanted)
        for facet in before.facets:
            for each in facet.values:
                alone = Choice(wanted.text, {**wanted.chosen, facet.id: (each.value.id,)})
                assert len(listing.choose(alone).items) == each.count


def test_a_choice_of_what_is_not_there_is_told_and_left_out(browser: PortfolioBrowser) -> None:
    chosen = browser.institutions.choose(Choice("", {"kind": ("castle",), "band": ("99",)}, "colour"))
    assert {(each.parameter, each.value) for each in chosen.unknown} == {
        ("kind", "castle"),
        ("band", "99"),
        ("sort", "colour"),
    }
    assert len(chosen.items) == COUNT


def test_institutions_without_a_region_can_be_asked_for(browser: PortfolioBrowser) -> None:
    nowhere = InstitutionCounts("a", "名前\n二行", "clinic", None, None, browser.summary.ranked[0].counts)
    listing = browser._listing_of([*browser.summary.ranked, nowhere])
    assert [each.id for each in listing.choose(Choice("", {"region": (UNNAMED,)})).items] == ["a"]
    assert [each.id for each in listing.choose(Choice("名前 二行")).items] == ["a"]


# -- the registered institutions --------------------------------------------------------------------------------------


def test_without_a_run_the_registered_institutions_are_judged_as_on_their_own_pages() -> None:
    app = page(view="institutions")
    assert set(listed(app)) == set(sample_institutions())
    shared = workspace()
    institution = shared.folder.institutions()[CLINIC]
    tally = shared.assess(institution, date(2026, 11, 1)).summary.overall
    opened = page(opened=CLINIC)
    assert re.search(rf"適用 {tally.applicable:,}件のうち", panels(opened))
    for word, count in tally.conformity.items():
        if count:
            assert f"**{count} 件**" in said(page(opened=CLINIC, conformity=word))
    for own in ("gaps", "matrix", "checklist", "answers"):
        assert f'href="{own}?institution={CLINIC}&amp;as_of={DAY}"' in panels(opened)


def test_the_choice_between_both_is_in_the_address(shown_run: Path) -> None:
    app = page()
    assert ">130<" in panels(app)
    choice = next(each for each in app.get("button_group") if each.value == "run")
    choice.set_value("records").run()
    assert app.query_params["source"] == "records"
    assert f">{len(sample_institutions())}<" in panels(app)
    assert ">130<" in panels(page(source="run"))


def test_the_same_institutions_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import analyzer.portfolio.reading as reading

    judged: list[date] = []
    really = reading.portfolio_of

    def counting(institutions: object, engine: object, as_of: date) -> object:
        judged.append(as_of)
        return really(institutions, engine, as_of)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "portfolio_of", counting)
    for view in ("distribution", "map", "missed", "institutions"):
        page(view=view, as_of="2031-02-03")
    page(as_of="2031-02-04")
    assert judged == [date(2031, 2, 3), date(2031, 2, 4)]


# -- addresses and data that are wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"view": "nowhere"}, "「nowhere」という表示はありません"),
        ({"view": "map", "guideline": "nothing"}, "「nothing」は、ここにはありません"),
        ({"view": "missed", "section": "mhlw-5:99"}, "section=mhlw-5:99"),
        ({"view": "institutions", "kind": "castle"}, "kind=castle"),
        ({"view": "institutions", "sort": "colour"}, "sort=colour"),
        ({"opened": "nobody"}, "「nobody」は、ここにはありません"),
        ({"source": "moon"}, "「moon」はありません"),
        ({"source": "records", "as_of": "yesterday"}, "「yesterday」は日付として読めません"),
    ],
)
def test_an_address_that_names_nothing_is_answered_plainly(shown_run: Path, query: dict[str, str], words: str) -> None:
    app = page(**query)
    assert words in said(app)
    assert not app.error


@pytest.mark.parametrize("value", ["0", "-3", "１", "many", "99999999999999999999"])
def test_a_number_that_is_none_counts_as_not_said(shown_run: Path, value: str) -> None:
    assert listed(page(view="institutions", page=value)) == listed(page(view="institutions"))
    assert len(re.findall(r"\d+／\d+機関", panels(page(view="missed", shown=value)))) == 20


def test_a_folder_without_a_run_is_told_and_the_registered_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANSHO_PORTFOLIO", str(tmp_path))
    app = page()
    assert "一括判定の結果を読めません" in said(app)
    assert str(tmp_path) in "".join(block.value for block in app.code)
    assert set(listed(page(source="records", view="institutions"))) == set(sample_institutions())


def test_without_institutions_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSHO_INSTITUTIONS", str(tmp_path))
    app = page()
    assert not app.error
    assert "まとめて見る医療機関がありません" in said(app)


def test_the_settings_survive_the_environment_and_a_folder_has_to_exist(run: Path, tmp_path: Path) -> None:
    settings = AppSettings(roots=(), institutions=tmp_path, portfolio=run)
    environment = environment_of(settings)
    assert environment["SANSHO_PORTFOLIO"] == str(run)
    assert environment_of(AppSettings((), tmp_path))["SANSHO_PORTFOLIO"] == ""
    refused = CliRunner().invoke(app_command, ["--portfolio", str(tmp_path / "none")])
    assert refused.exit_code == 2
    assert "none" in refused.output


# -- who may see it ---------------------------------------------------------------------------------------------------


@pytest.fixture
def accounts(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An app that people log in to, with two institutions, a run, and an account of each role."""
    monkeypatch.setenv("SANSHO_PORTFOLIO", str(run))
    monkeypatch.setenv("SANSHO_STORE", str(tmp_path / "sansho.db"))
    monkeypatch.setenv("SANSHO_ACCOUNTS", "required")
    shared = workspace()
    assert shared.store is not None
    for identity in (CLINIC, HOSPITAL):
        path = sample_institutions()[identity]
        shared.store.records.create(SINGLE_USER, path.read_bytes(), path.name)
    made: Accounts = shared.store.accounts
    made.bootstrap(SINGLE_USER, "chief", "管理者")
    made.set_email(SINGLE_USER, "chief", "administrator@example.jp")
    made.create(SINGLE_USER, "auditor", "監査人", "auditor", [], "auditor@example.jp")
    for role in ("institution", "consultant"):
        made.create(SINGLE_USER, role, role, role, [CLINIC], f"{role}@example.jp")
    return shared


def page_as(role: Role, shared: Workspace, **query: str) -> AppTest:
    """The page as an account sees it that has logged in at the organisation's own log-in."""
    assert shared.store is not None
    claims: Mapping[str, object] = {"email": f"{role}@example.jp", "email_verified": True, "iat": time.time()}
    session = SigningIn(shared.store.database).log_in_with_oidc(claims)
    app = AppTest.from_file(str(app_file()), default_timeout=60)
    app.session_state["_session_token"] = session.token
    app.session_state["_going_to"] = ("portfolio", {"as_of": [DAY], **{name: [value] for name, value in query.items()}})
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_who_sees_all_institutions_sees_the_run_and_all_of_them(accounts: Workspace, role: Role) -> None:
    assert f">{COUNT}<" in panels(page_as(role, accounts))
    assert set(listed(page_as(role, accounts, source="records", view="institutions"))) == {CLINIC, HOSPITAL}


def test_a_consultant_sees_the_assigned_ones_and_no_run(accounts: Workspace) -> None:
    for query in ({}, {"source": "run"}):
        app = page_as("consultant", accounts, view="institutions", **query)
        assert listed(app) == [CLINIC]
    other = page_as("consultant", accounts, opened=HOSPITAL)
    nobody = page_as("consultant", accounts, opened="no-such-place")
    assert said(other).replace(HOSPITAL, "no-such-place") == said(nobody)
    assert "架空みなと" not in panels(other)


def test_an_institution_is_refused_in_plain_words(accounts: Workspace) -> None:
    for query in ({}, {"opened": CLINIC}, {"source": "run", "view": "institutions"}):
        app = page_as("institution", accounts, **query)
        assert "このアカウントの役割では、この画面は使えません" in said(app)
        assert not panels(app)
        assert not tables(app)


@pytest.mark.parametrize("role", ["institution", "consultant"])
def test_the_shared_data_itself_asks_for_the_right(accounts: Workspace, role: Role) -> None:
    who = Principal("tester", "試す人", role, frozenset({CLINIC}))
    if role == "institution":
        for refused in (
            lambda: accounts.portfolio(who, date(2026, 11, 1)),
            lambda: accounts.portfolio_run(who),
            lambda: accounts.has_run(who),
        ):
            with pytest.raises(ForbiddenError):
                refused()
        return
    assert accounts.portfolio_run(who) is None
    assert [each.id for each in accounts.portfolio(who, date(2026, 11, 1)).summary.ranked] == [CLINIC]
