"""The store as a whole: its tables, institutions' files in and out without loss, analyses that are kept."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filled_institution import filled
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import insert, inspect, select, text
from store_helpers import (
    ADMINISTRATOR,
    AUDITOR,
    CLINIC,
    CLINIC_USER,
    HOSPITAL,
    HOSPITAL_USER,
    PDF,
    note,
    open_store,
    take_in,
)

from analyzer.engine.analysis import Analyzer
from analyzer.errors import InputError
from analyzer.exports.structured import assessment_json
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.institutions import read_institution_data
from analyzer.knowledge.schemas import gate
from analyzer.knowledge.yamlwriter import write_document
from analyzer.model.institution import Institution
from analyzer.resources import sample_institutions
from analyzer.store import migrations
from analyzer.store.database import Database, StoreError, _engine, _url
from analyzer.store.items import ItemChange, write_items
from analyzer.store.principal import ForbiddenError
from analyzer.store.records import ABSENT, PartChange, UnknownInstitutionError
from analyzer.store.tables import CHAIN, METADATA

AS_OF = date(2026, 11, 1)
Data = dict[str, Any]


def document_of(institution: Institution) -> Data:
    """The data of a file that makes this institution."""
    return {
        "institution": {
            "id": institution.id,
            "name": institution.name,
            "kind": institution.kind,
            "beds": institution.beds,
            "staff": institution.staff,
            "region": institution.region,
            "fictional": institution.fictional,
        },
        "profile": dict(institution.facts),
        "integrator": {"presence": institution.integrator_presence, "name": institution.integrator},
        "services": [
            {
                "vendor": service.vendor,
                "used_for": service.used_for,
                "nda_concluded_on": str(service.nda_concluded_on),
                "reviews": [
                    {
                        "documents": review.documents,
                        "on": str(review.reviewed_on),
                        "sections": list(review.sections),
                        "by": review.by,
                        "note": review.note,
                    }
                    for review in service.reviews
                ],
            }
            for service in institution.services
        ],
        "answers": [
            {
                "control": answer.control,
                "party": answer.party,
                "status": answer.status,
                "reason": answer.reason,
                "evidence": list(answer.evidence),
                "checked_on": str(answer.checked_on),
                "due": str(answer.due),
                "owner": answer.owner,
                "note": answer.note,
                "carried_over": answer.carried_over,
            }
            for answer in institution.answers.values()
        ],
        "evidence": [
            {
                "id": item.id,
                "title": item.title,
                "kind": item.kind,
                "issued_on": str(item.issued_on),
                "valid_until": str(item.valid_until),
                "covers": {"from": str(item.covers_from), "to": str(item.covers_to)},
                "location": item.location,
                "note": item.note,
            }
            for item in institution.evidence.values()
        ],
    }


# -- tables -----------------------------------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_program_uses(store_location: str) -> None:
    database = Database.open(store_location)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def step_to(location: str, revision: str) -> Database:
    """A database that an earlier version made, empty."""
    database = Database(_engine(_url(location), 30))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return database


def test_a_store_that_the_version_before_made_is_brought_up_to_date_with_all_that_it_holds(
    store_location: str, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    with open_store(str(tmp_path / "content.db"), knowledge, tmp_path / "files") as given_store:
        take_in(given_store, CLINIC, HOSPITAL)
        record = given_store.records.read(CLINIC_USER, CLINIC)
        given_store.records.change(CLINIC_USER, CLINIC, [note(record, 0, "備考")])
        given_store.files.attach(CLINIC_USER, CLINIC, next(iter(record.institution.evidence)), "a.pdf", PDF)
        given_store.accounts.create(ADMINISTRATOR, "nurse", "看護師", "institution", [CLINIC], "nurse@example.jp")
        expected = given_store.audit.verify(AUDITOR)
        old = step_to(store_location, "0001")
        first = {name for name in inspect(old.engine).get_table_names() if name != "alembic_version"}
        kept: dict[str, list[Any]] = {}
        with given_store.database.reading() as source, old.writing() as target:
            target.execute(CHAIN.delete())
            for table in METADATA.sorted_tables:
                if table.name in first:
                    kept[table.name] = [dict(row) for row in source.execute(select(table)).mappings()]
                    if kept[table.name]:
                        target.execute(insert(table), kept[table.name])
        old.close()
    assert first == {table.name for table in METADATA.sorted_tables} - _SINCE_0002
    with open_store(store_location, knowledge, tmp_path / "files") as store:
        with store.database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert context.get_current_revision() == migrations.HEAD and compare_metadata(context, METADATA) == []
            for name, rows in kept.items():
                query = select(METADATA.tables[name])
                found = [dict(row) for row in connection.execute(query).mappings()]
                assert sorted(map(str, found)) == sorted(map(str, rows)), name
        assert store.audit.verify(AUDITOR, (expected.last, expected.head)).faults == ()
        assert store.files.check(ADMINISTRATOR) == []
        with store.database.writing() as connection:
            wish = ItemChange("wish", "backup", {"wanted": True}, ABSENT)
            write_items(connection, "nurse", "2026-11-22T08:00:00.000000Z", "support", CLINIC, [wish], action="wish")
        record = store.records.read(CLINIC_USER, CLINIC)
        store.records.change(CLINIC_USER, CLINIC, [note(record, 0, "later")])
        assert store.audit.verify(AUDITOR, (expected.last, expected.head)).faults == ()


_SINCE_0002 = {"programme_items", "notifications", "mails", "resets"}


def test_a_store_of_a_later_version_is_refused_and_left_as_it_is(store_location: str) -> None:
    database = Database.open(store_location)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"later version \(schema 9999\)"):
        Database.open(store_location)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    database.close()


def test_a_new_store_is_for_its_owner_only(tmp_path: Path) -> None:
    Database.open(str(tmp_path / "s.db")).close()
    assert stat.S_IMODE((tmp_path / "s.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "not the path"),
        ("a\0b", "not the path"),
        ("mysql://somewhere/sansho", "only SQLite and PostgreSQL"),
        ("postgresql://[::1", "not a database URL"),
        ("/no/such/folder/s.db", "cannot be opened or made"),
        ("postgresql://sansho:geheim@127.0.0.1:1/sansho", "cannot be reached|does not answer"),
    ],
)
def test_a_location_that_cannot_be_is_refused_in_one_line(location: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as refused:
        Database.open(location)
    assert "\n" not in str(refused.value) and "geheim" not in str(refused.value)


# -- files in and out -------------------------------------------------------------------------------------------------


def test_files_go_in_and_come_out_without_loss(store_location: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    full = yaml.safe_dump(document_of(filled(knowledge).institution), allow_unicode=True).encode()
    given_files = [full, *(path.read_bytes() for path in sample_institutions().values())]
    with open_store(store_location, knowledge) as store, open_store(str(tmp_path / "other.db"), knowledge) as other:
        for content in given_files:
            data = read_institution_data(content, "given", knowledge)
            record = store.records.create(ADMINISTRATOR, content, "given")
            assert record.document == data
            exported = store.records.export_file(ADMINISTRATOR, record.institution.id)
            assert read_institution_data(exported, "exported", knowledge) == data
            again = other.records.create(ADMINISTRATOR, exported, "exported")
            assert again.document == data and again.institution.answers.keys() == record.institution.answers.keys()
            assert other.records.export_file(ADMINISTRATOR, record.institution.id) == exported
            assert store.records.differences(ADMINISTRATOR, record.institution.id, data) == []
        assert store.audit.verify(ADMINISTRATOR).faults == ()


# Texts that YAML could take for something else, that databases treat specially, and any others.
_TRICKY = st.sampled_from(
    [
        "08", "1e5", "+.5", "0x1F", "1_000", "2026-11-01", "no", "~", "null", "- a", "a: b", "#", "'", '"', "|", ">",
        "%", "&a", "*a", "!x", "=", "<<", "a\nb", "a\n", "\ta", " a ", "\x01", "\x85", "\u2028", "\ufeff", "𠮷野家",
        "あ" * 300,
    ]
)  # fmt: skip
_TEXT = (_TRICKY | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)).filter(
    lambda value: value.strip() != ""
)
_DAY = st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(str)


@st.composite
def small_documents(draw: st.DrawFn) -> Data:
    ids = draw(st.lists(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True), unique=True, max_size=3))
    answers = {
        (control, party): {"control": control, "party": party, **draw(_answers(ids))}
        for control in draw(
            st.lists(st.sampled_from(["mhlw-5:6.3-01", "mhlw-5:6.5-07", "meti-2:2.10.1-06"]), max_size=3)
        )
        for party in ("user", "integrator")
    }
    document: Data = {
        "institution": {"id": "small", "name": draw(_TEXT), "kind": "clinic", **draw(_optional(region=_TEXT))},
        "profile": draw(st.dictionaries(st.just("uses_wireless_lan"), st.sampled_from([True, False, None]))),
        "services": draw(st.lists(st.fixed_dictionaries({"vendor": st.just("cybozu.com")}), max_size=1)),
        "answers": list(answers.values()),
        "evidence": [
            {"id": item, "title": draw(_TEXT), "kind": "record", "issued_on": draw(_DAY), **draw(_optional(note=_TEXT))}
            for item in ids
        ],
    }
    if draw(st.booleans()):
        document["integrator"] = {"presence": "present", **draw(_optional(name=_TEXT))}
    return document


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    return st.fixed_dictionaries({}, optional=fields)


def _answers(evidence: list[str]) -> st.SearchStrategy[Data]:
    named = st.lists(st.sampled_from(evidence), unique=True) if evidence else st.just([])
    return st.fixed_dictionaries(
        {"status": st.sampled_from(["implemented", "planned"])},
        optional={"note": _TEXT, "owner": _TEXT, "due": _DAY, "evidence": named, "carried_over": st.booleans()},
    )


@given(small_documents())
def test_any_institution_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, knowledge: KnowledgeBase, document: Data
) -> None:
    assume(gate("institution").is_valid(document))
    content = write_document(document, "institution")
    assert read_institution_data(content, "given", knowledge) == document
    folder = tmp_path_factory.mktemp("store")
    with open_store(str(folder / "s.db"), knowledge) as store:
        record = store.records.create(ADMINISTRATOR, content, "given")
        assert record.document == document
        exported = store.records.export_file(ADMINISTRATOR, "small")
        assert read_institution_data(exported, "exported", knowledge) == document
        assert store.audit.verify(ADMINISTRATOR).faults == ()


def test_an_export_has_its_keys_in_the_order_that_people_expect(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "s.db"), knowledge) as store:
        take_in(store, CLINIC)
        lines = store.records.export_file(ADMINISTRATOR, CLINIC).decode().splitlines()
    assert [line.split(":")[0].strip() for line in lines[:4]] == ["institution", "id", "name", "kind"]


def test_an_institution_is_taken_in_once(store_location: str, knowledge: KnowledgeBase) -> None:
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        with pytest.raises(StoreError, match="already"):
            take_in(store, CLINIC)
        with pytest.raises(InputError):
            store.records.create(ADMINISTRATOR, b"institution: {}", "broken.yaml")
        assert list(store.records.names(ADMINISTRATOR)) == [CLINIC]


def test_a_part_has_to_be_what_its_key_says_and_is_changed_once(store_location: str, knowledge: KnowledgeBase) -> None:
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        record = store.records.read(ADMINISTRATOR, CLINIC)
        first, second = note(record, 0, "a"), note(record, 1, "b")
        assert first.data is not None
        with pytest.raises(StoreError, match="another one than its key"):
            store.records.change(
                CLINIC_USER, CLINIC, [PartChange("answer", "mhlw-5:6.3-01 nobody", {**first.data}, ABSENT),
                                      PartChange("answer", first.key, None, first.expected)]
            )  # fmt: skip
        with pytest.raises(StoreError, match="twice at once"):
            store.records.change(CLINIC_USER, CLINIC, [first, second, first])
        assert store.records.read(ADMINISTRATOR, CLINIC).document == record.document


def test_a_path_of_any_length_may_be_the_source(store_location: str, knowledge: KnowledgeBase) -> None:
    content = sample_institutions()[CLINIC].read_bytes()
    with open_store(store_location, knowledge) as store:
        store.records.create(ADMINISTRATOR, content, "/folder" * 100 + "/\udcff\0clinic.yaml")
        event = store.records.history(ADMINISTRATOR, CLINIC, limit=1)[0]
        assert len(event.change.source) == 200 and event.change.source.endswith("clinic.yaml")
        assert store.audit.verify(ADMINISTRATOR).faults == ()


# -- analyses ---------------------------------------------------------------------------------------------------------


def test_analyses_are_kept_as_they_were(store_location: str, knowledge: KnowledgeBase, analyzer: Analyzer) -> None:
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC, HOSPITAL)
        record = store.records.read(CLINIC_USER, CLINIC)
        assessment = analyzer.analyze(record.institution, AS_OF)
        first = store.analyses.save(CLINIC_USER, assessment)
        assert store.analyses.save(CLINIC_USER, assessment) == first, "the same is not kept twice"
        changed = store.records.change(CLINIC_USER, CLINIC, [note(record, 0, "見直した")])
        second = store.analyses.save(CLINIC_USER, analyzer.analyze(changed.institution, AS_OF))
        assert store.analyses.saved(AUDITOR, CLINIC) == [second, first]
        assert (first.as_of, first.made_by, first.knowledge_version) == ("2026-11-01", "clinic", knowledge.version)
        expected = assessment_json(assessment, knowledge=knowledge)
        assert store.analyses.read(AUDITOR, CLINIC, first.id) == expected
        progress = store.analyses.progress(AUDITOR, CLINIC)
        assert [saved for saved, _ in progress] == [first, second]
        assert progress[0][1] == expected["summary"]
        assert store.audit.verify(ADMINISTRATOR).faults == ()


def test_analyses_are_kept_and_read_only_by_those_who_may(
    store_location: str, knowledge: KnowledgeBase, analyzer: Analyzer
) -> None:
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        record = store.records.read(CLINIC_USER, CLINIC)
        assessment = analyzer.analyze(record.institution, AS_OF)
        saved = store.analyses.save(CLINIC_USER, assessment)
        with pytest.raises(ForbiddenError):
            store.analyses.save(AUDITOR, assessment)
        with pytest.raises(UnknownInstitutionError):
            store.analyses.save(HOSPITAL_USER, assessment)
        with pytest.raises(UnknownInstitutionError):
            store.analyses.read(HOSPITAL_USER, CLINIC, saved.id)
        with pytest.raises(UnknownInstitutionError):
            store.analyses.saved(HOSPITAL_USER, CLINIC)
        with pytest.raises(StoreError, match="no analysis"):
            store.analyses.read(HOSPITAL_USER, HOSPITAL, saved.id)
        kept = store.records.history(CLINIC_USER, CLINIC, limit=1)[0]
        with pytest.raises(StoreError, match="not a change of the record"):
            store.records.undo(CLINIC_USER, CLINIC, kept.number)


def test_the_latest_step_is_the_one_that_is_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD
