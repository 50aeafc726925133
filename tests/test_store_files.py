"""Evidence files: what is taken, who may open it, and that nothing altered is ever given out."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store_helpers import (
    ADMINISTRATOR,
    AUDITOR,
    CLINIC,
    CLINIC_USER,
    HOSPITAL,
    HOSPITAL_USER,
    PDF,
    PNG,
    open_store,
    take_in,
)

from analyzer.errors import InputError
from analyzer.knowledge.base import KnowledgeBase
from analyzer.store.database import StoreError
from analyzer.store.files import attachment_key, attachments_of
from analyzer.store.filetypes import clean_name
from analyzer.store.limits import limits
from analyzer.store.principal import ForbiddenError
from analyzer.store.records import ABSENT, PartChange
from analyzer.store.store import Store


@pytest.fixture
def store(store_location: str, knowledge: KnowledgeBase, tmp_path: Path) -> Iterator[Store]:
    with open_store(store_location, knowledge, tmp_path / "files") as opened:
        take_in(opened, HOSPITAL, CLINIC)
        yield opened


def evidence_of(store: Store, institution: str) -> str:
    return next(iter(store.records.read(ADMINISTRATOR, institution).institution.evidence))


def office(member: str, *more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", member, *more):
            archive.writestr(name, "<x/>")
    return made.getvalue()


def path_of(store: Store, sha256: str) -> Path:
    return store.files.content.folder / sha256[:2] / sha256


def test_a_file_comes_back_as_it_went_in(store: Store) -> None:
    evidence = evidence_of(store, HOSPITAL)
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "運用管理規程.pdf", PDF)
    assert (made.sha256, made.size, made.media_type) == (hashlib.sha256(PDF).hexdigest(), len(PDF), "application/pdf")
    assert store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256) == (made, PDF)
    assert store.files.attachments(HOSPITAL_USER, HOSPITAL, evidence) == (made,)
    assert path_of(store, made.sha256).read_bytes() == PDF
    event = store.records.history(HOSPITAL_USER, HOSPITAL, "attachment")[0]
    assert (event.actor, event.change.action, event.change.after and event.change.after["name"]) == (
        "hospital", "attach", "運用管理規程.pdf",
    )  # fmt: skip


def test_attaching_the_same_again_changes_nothing_and_another_name_is_refused(store: Store) -> None:
    evidence = evidence_of(store, HOSPITAL)
    first = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", PNG)
    stamps = store.records.stamps(ADMINISTRATOR)
    assert store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", io.BytesIO(PNG)) == first
    assert store.records.stamps(ADMINISTRATOR) == stamps
    with pytest.raises(StoreError, match=r"already, as a\.png"):
        store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "b.png", PNG)


def test_detaching_can_be_undone_and_the_file_is_still_there(store: Store) -> None:
    evidence = evidence_of(store, HOSPITAL)
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", PNG)
    record = store.files.detach(HOSPITAL_USER, HOSPITAL, evidence, made.sha256)
    assert attachments_of(record) == ()
    with pytest.raises(StoreError, match="has no file"):
        store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256)
    with pytest.raises(StoreError, match="has no file"):
        store.files.detach(HOSPITAL_USER, HOSPITAL, evidence, made.sha256)
    done = store.records.history(HOSPITAL_USER, HOSPITAL, "attachment")[0]
    store.records.undo(HOSPITAL_USER, HOSPITAL, done.number)
    assert store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256) == (made, PNG)


def test_the_file_of_another_institution_is_refused_as_one_that_nobody_has(store: Store) -> None:
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence_of(store, HOSPITAL), "a.png", PNG)
    unknown = hashlib.sha256(b"nobody has this").hexdigest()
    said = []
    for sha256 in (made.sha256, unknown):
        with pytest.raises(StoreError) as refused:
            store.files.open(CLINIC_USER, CLINIC, sha256)
        said.append((type(refused.value), str(refused.value).replace(sha256[:12], "")))
    assert said[0] == said[1]
    # Nor does naming its hash in one's own record open it.
    key = attachment_key(evidence_of(store, CLINIC), made.sha256)
    data = {"evidence": evidence_of(store, CLINIC), "sha256": made.sha256, "name": "a.png", "media_type": "", "size": 1}
    with pytest.raises(StoreError, match="handing it in"):
        store.records.change(CLINIC_USER, CLINIC, [PartChange("attachment", key, data, ABSENT)])
    with pytest.raises(StoreError, match="no institution"):
        store.files.open(CLINIC_USER, HOSPITAL, made.sha256)


def test_an_auditor_opens_and_attaches_nothing(store: Store) -> None:
    evidence = evidence_of(store, HOSPITAL)
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", PNG)
    assert store.files.open(AUDITOR, HOSPITAL, made.sha256)[1] == PNG
    with pytest.raises(ForbiddenError):
        store.files.attach(AUDITOR, HOSPITAL, evidence, "b.pdf", PDF)
    with pytest.raises(ForbiddenError):
        store.files.detach(AUDITOR, HOSPITAL, evidence, made.sha256)


def test_an_altered_file_is_never_given_out(store: Store) -> None:
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence_of(store, HOSPITAL), "a.png", PNG)
    path = path_of(store, made.sha256)
    path.write_bytes(PNG[:-1] + b"!")
    with pytest.raises(StoreError, match="was altered"):
        store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256)
    assert [(fault.sha256, fault.lost) for fault in store.files.check(ADMINISTRATOR)] == [(made.sha256, True)]
    # Handing the same content in again, by anyone, mends it.
    store.files.attach(CLINIC_USER, CLINIC, evidence_of(store, CLINIC), "same.png", PNG)
    assert store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256)[1] == PNG
    path.unlink()
    with pytest.raises(StoreError, match="is missing"):
        store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256)
    store.files.attach(HOSPITAL_USER, HOSPITAL, made.evidence, "a.png", PNG)
    assert store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256)[1] == PNG
    assert store.files.check(ADMINISTRATOR) == []


def test_evidence_with_a_file_stays_until_the_file_is_detached(store: Store) -> None:
    evidence = {"id": "e-new", "title": "新しい証跡", "kind": "record", "issued_on": "2026-10-01"}
    record = store.records.change(HOSPITAL_USER, HOSPITAL, [PartChange("evidence", "e-new", evidence, ABSENT)])
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, "e-new", "a.png", PNG)
    gone = PartChange("evidence", "e-new", None, record.version("evidence", "e-new"))
    with pytest.raises(InputError, match=r"'a\.png' is attached to it"):
        store.records.change(HOSPITAL_USER, HOSPITAL, [gone])
    store.files.detach(HOSPITAL_USER, HOSPITAL, "e-new", made.sha256)
    store.records.change(HOSPITAL_USER, HOSPITAL, [gone])
    with pytest.raises(StoreError, match="has no evidence 'e-new'"):
        store.files.attach(HOSPITAL_USER, HOSPITAL, "e-new", "a.png", PNG)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.exe", b"MZ\x90\x00", "of this kind are not taken"),
        ("a.zip", office("xl/workbook.xml"), "of this kind are not taken"),
        ("a", PDF, "of this kind are not taken"),
        ("a.pdf", PNG, "says pdf, but the content is png"),
        ("a.png", b"<html>", "says png, but the content is text"),
        ("a.pdf", b"MZ\x90\x00\x03", "of no kind that is taken"),
        ("a.txt", PDF, "but the content is pdf"),
        ("a.csv", b"a,b\n\x00\x01", "of no kind that is taken"),
        ("a.xlsx", office("word/document.xml"), "says xlsx, but the content is docx"),
        ("a.xlsx", office("xl/workbook.xml", "xl/vbaProject.bin"), "macros"),
        ("a.docx", office("other.xml"), "of no kind that is taken"),
        ("a.docx", b"PK\x03\x04 cut off", "damaged"),
        ("a.txt", b"", "is empty"),
        ("...", b"text", "not the name of a file"),
        ("\x00\u202e", b"text", "not the name of a file"),
    ],
)
def test_what_is_not_taken_is_refused_with_a_reason(
    knowledge: KnowledgeBase, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    with open_store(str(tmp_path / "s.db"), knowledge) as store:
        take_in(store, CLINIC)
        before = store.records.stamps(ADMINISTRATOR)
        with pytest.raises(StoreError, match=reason):
            store.files.attach(CLINIC_USER, CLINIC, evidence_of(store, CLINIC), name, content)
        assert store.records.stamps(ADMINISTRATOR) == before
        assert not (tmp_path / "s.db.files").exists()


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.JPG", b"\xff\xd8\xff\xe0picture", "image/jpeg"),
        ("台帳.xlsx", office("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (
            "規程.docx",
            office("word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("log.txt", "記録\r\n".encode("cp932"), "text/plain"),
        ("log.csv", "\ufeff日,件\n".encode(), "text/csv"),
    ],
)
def test_what_is_taken_gets_its_media_type(
    knowledge: KnowledgeBase, tmp_path: Path, name: str, content: bytes, media_type: str
) -> None:
    with open_store(str(tmp_path / "s.db"), knowledge) as store:
        take_in(store, CLINIC)
        made = store.files.attach(CLINIC_USER, CLINIC, evidence_of(store, CLINIC), name, content)
        assert (made.media_type, store.files.open(CLINIC_USER, CLINIC, made.sha256)[1]) == (media_type, content)


def test_size_and_number_are_limited(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    allowed = limits().files
    with open_store(str(tmp_path / "s.db"), knowledge) as store:
        take_in(store, CLINIC)
        evidence = evidence_of(store, CLINIC)
        largest = PDF.ljust(allowed.max_bytes, b"x")
        with pytest.raises(StoreError, match="is larger than"):
            store.files.attach(CLINIC_USER, CLINIC, evidence, "a.pdf", io.BytesIO(largest + b"x"))
        assert store.files.attach(CLINIC_USER, CLINIC, evidence, "a.pdf", io.BytesIO(largest)).size == allowed.max_bytes
        for number in range(1, allowed.max_per_evidence):
            store.files.attach(CLINIC_USER, CLINIC, evidence, "a.pdf", PDF + bytes([number]))
        with pytest.raises(StoreError, match="files already"):
            store.files.attach(CLINIC_USER, CLINIC, evidence, "a.pdf", PDF)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\me\\規程.pdf", "規程.pdf"),
        ("規程\r\n.pdf", "規程.pdf"),
        ("\u202efdp.exe.pdf", "fdp.exe.pdf"),
        ("CON.txt", "_CON.txt"),
        ('a<b>:"c".pdf', "a_b___c_.pdf"),
        ("..hidden.pdf ", "hidden.pdf"),
        ("か\u3099.pdf", "が.pdf"),
    ],
)
def test_names_are_made_safe(given: str, kept: str) -> None:
    assert clean_name(given, limits().files) == kept


def test_a_long_name_keeps_its_ending() -> None:
    made = clean_name("規" * 500 + ".pdf", limits().files)
    assert len(made) == limits().files.max_name_length and made.endswith("規.pdf")


def test_a_stop_between_file_and_record_leaves_only_litter(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = evidence_of(store, HOSPITAL)
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(store.records, "attach", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", PNG)
    (store.files.content.folder / ".part-cut-off").write_bytes(PNG[:5])
    faults = store.files.check(ADMINISTRATOR)
    assert [fault.lost for fault in faults] == [False, False]
    assert "attached to nothing" in faults[0].reason and "cut off" in faults[1].reason
    made = store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", PNG)
    assert store.files.open(HOSPITAL_USER, HOSPITAL, made.sha256)[1] == PNG


def test_the_same_file_from_many_at_once_is_stored_once(store: Store) -> None:
    evidence = evidence_of(store, HOSPITAL)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store.files.attach(HOSPITAL_USER, HOSPITAL, evidence, "a.png", PNG), range(16)))
    assert len(set(made)) == 1 == len(store.files.attachments(HOSPITAL_USER, HOSPITAL))
    assert store.files.check(ADMINISTRATOR) == []
    assert store.audit.verify(ADMINISTRATOR).faults == ()


def test_without_a_folder_only_files_are_refused(postgres: str, store_location: str, knowledge: KnowledgeBase) -> None:
    if not store_location.startswith("postgresql"):
        pytest.skip("an SQLite file has its folder beside it")
    with open_store(store_location, knowledge) as store:
        take_in(store, CLINIC)
        assert store.files.attachments(CLINIC_USER, CLINIC) == ()
        assert store.files.check(ADMINISTRATOR) == []
        with pytest.raises(StoreError, match="SANSHO_FILES"):
            store.files.attach(CLINIC_USER, CLINIC, evidence_of(store, CLINIC), "a.png", PNG)
