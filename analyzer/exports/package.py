"""The files of several institutions as one zip with a list of what is in it; one file alone as itself.

    plan = plan_package(analyzer, institutions, [kinds.MATRIX, kinds.GAP_LIST], as_of)
    made = make_package(plan, step)
    made.name, made.size, made.read()

What fails for one institution is written down and leaves the others' files as they are. The same institutions, kinds
and day give the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Final, TypeVar
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from analyzer.engine.analysis import Analyzer
from analyzer.errors import SanshoError
from analyzer.exports import kinds
from analyzer.exports.kinds import FileKind, FileSpec, Subject
from analyzer.exports.tabular import to_csv_bytes
from analyzer.exports.visible import visible
from analyzer.knowledge.base import KnowledgeBase
from analyzer.model.institution import Institution

README_NAME, LIST_NAME = "README.txt", "一覧.csv"
EVERY_INSTITUTION: Final = "全機関"
# What is larger goes to a temporary file on disk.
_IN_MEMORY_BYTES = 8 * 2**20
# These are compressed already.
_PACKED = frozenset({"xlsx", "parquet"})
_ALL_GAPS = FileSpec("gap-list", "xlsx", lambda subject: kinds.all_gaps([subject]))
_Made = TypeVar("_Made")
_LOG = logging.getLogger("sansho.package")


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to be made. institution: None for the one file of all of them. path: its place in the zip."""

    path: str
    kind: FileKind
    file: FileSpec
    institution: Institution | None

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def of(self) -> str:
        """Whose file it is, as people call it."""
        return self.institution.name if self.institution else EVERY_INSTITUTION


@dataclass(frozen=True, slots=True)
class Plan:
    """Files to be made of institutions at a day, in the order in which they are made."""

    analyzer: Analyzer
    as_of: date
    institutions: tuple[Institution, ...]
    files: tuple[PlannedFile, ...]

    @property
    def name(self) -> str:
        """The name of what comes out: the one file's own, else the zip's."""
        return self.files[0].name if len(self.files) == 1 else f"sansho-export-{self.as_of.isoformat()}.zip"

    @property
    def knowledge(self) -> KnowledgeBase:
        """The knowledge base the files rest on."""
        return self.analyzer.knowledge


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a planned file: its size in bytes; None where it could not be made, and `reason` says why.

    reason stands too where a file is there and lacks somebody.
    """

    planned: PlannedFile
    size: int | None
    reason: str | None = None


@dataclass(frozen=True)
class Package:
    """What was made. `size` in bytes; 0 where nothing could be made, and `outcomes` say why."""

    name: str
    size: int
    outcomes: tuple[Outcome, ...]
    _content: IO[bytes] = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type of the whole."""
        return kinds.MEDIA_TYPES[self.name.rpartition(".")[2]]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The files that could not be made, or lack somebody."""
        return tuple(outcome for outcome in self.outcomes if outcome.reason is not None)

    def read(self) -> bytes:
        """The whole as bytes."""
        self._content.seek(0)
        return self._content.read()

    def close(self) -> None:
        """Give up the content and the place it takes."""
        self._content.close()


def plan_package(
    analyzer: Analyzer, institutions: Sequence[Institution], wanted: Sequence[FileKind], as_of: date
) -> Plan:
    """Which files the kinds wanted mean for the institutions, at a day.

    Gap lists of several institutions bring one workbook of all of them along. Nothing is made yet. Raises ValueError
    where an institution is given twice.
    """
    if len({institution.id for institution in institutions}) < len(institutions):
        raise ValueError("an institution is given twice")
    files = [
        PlannedFile(f"{institution.id}/{file.name(institution.id, as_of)}", kind, file, institution)
        for institution in institutions
        for kind in wanted
        for file in kind.files
    ]
    if kinds.GAP_LIST in wanted and len(institutions) > 1:
        files.append(PlannedFile(_ALL_GAPS.name("all-institutions", as_of), kinds.GAP_LIST, _ALL_GAPS, None))
    return Plan(analyzer, as_of, tuple(institutions), tuple(files))


def make_package(plan: Plan, step: Callable[[str], None] = lambda _file: None) -> Package:
    """Make the files of a plan. `step` is called as each begins, with whose it is and what.

    What `step` raises ends the work and leaves nothing behind. Raises ValueError where the plan has no files.
    """
    if not plan.files:
        raise ValueError("no files are planned")
    stream: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  (handed on with the package)
    try:
        made = _single(plan, stream, step) if len(plan.files) == 1 else _zipped(plan, stream, step)
        return Package(plan.name, stream.seek(0, 2), tuple(made), stream)
    except BaseException:
        stream.close()
        raise


def _single(plan: Plan, stream: IO[bytes], step: Callable[[str], None]) -> list[Outcome]:
    made = []
    for outcome, content in _contents(plan, step):
        stream.write(content)
        made.append(outcome)
    return made


def _zipped(plan: Plan, stream: IO[bytes], step: Callable[[str], None]) -> list[Outcome]:
    made = []
    with ZipFile(stream, "w", allowZip64=True) as archive:
        for outcome, content in _contents(plan, step):
            if outcome.size is not None:
                _add(archive, outcome.planned.path, content, plan.as_of)
            made.append(outcome)
        _add(archive, LIST_NAME, _list(plan, made), plan.as_of)
        _add(archive, README_NAME, _readme(plan, made), plan.as_of)
    return made


def _add(archive: ZipFile, path: str, content: bytes, day: date) -> None:
    # A zip's calendar runs from 1980 to 2107.
    entry = ZipInfo(path, (min(max(day.year, 1980), 2107), day.month, day.day, 0, 0, 0))
    entry.create_system = 3  # as on every system, so that the bytes do not tell where they were made
    entry.external_attr = 0o644 << 16
    packed = path.rpartition(".")[2] in _PACKED
    archive.writestr(entry, content, ZIP_STORED if packed else ZIP_DEFLATED)


def _contents(plan: Plan, step: Callable[[str], None]) -> Iterator[tuple[Outcome, bytes]]:
    """Each file with its content, empty where it could not be made."""
    subjects: list[Subject] = []
    missing: list[str] = []
    several = any(planned.institution is None for planned in plan.files)
    for institution in plan.institutions:
        subject, reason = _attempt(partial(_subject, plan, institution), institution.id)
        if subject is None:
            missing.append(institution.name)
        elif several:
            # One of its own: what the files before work out is not kept until the end.
            subjects.append(Subject(subject.assessment, subject.knowledge, subject.rulebook))
        for planned in plan.files:
            if planned.institution is institution:
                step(f"{planned.of}：{planned.kind.label}")
                make = partial(planned.file.make, subject) if subject else None
                yield _made(planned, make, reason)
    for planned in plan.files:
        if planned.institution is None:
            step(f"{planned.of}：{planned.kind.label}")
            lacking = f"次の機関を含まない：{'、'.join(missing)}" if missing else None
            yield _made(planned, partial(kinds.all_gaps, subjects) if subjects else None, lacking)


def _subject(plan: Plan, institution: Institution) -> Subject:
    return Subject(plan.analyzer.analyze(institution, plan.as_of), plan.knowledge, plan.analyzer.rulebook)


def _made(planned: PlannedFile, make: Callable[[], bytes] | None, reason: str | None) -> tuple[Outcome, bytes]:
    if make is None:
        return Outcome(planned, None, reason), b""
    content, failed = _attempt(make, planned.path)
    if content is None:
        return Outcome(planned, None, failed), b""
    return Outcome(planned, len(content), reason), content


def _attempt(make: Callable[[], _Made], what: str) -> tuple[_Made | None, str | None]:
    """What a function gives, or None and the reason for people to read."""
    try:
        return make(), None
    except SanshoError as error:
        return None, str(error)
    except Exception as error:
        # One institution's fault must not cost the others their files; the log has the rest of it.
        _LOG.exception("%s could not be made", what)
        return None, f"予期しない誤り（{type(error).__name__}）"


# -- what is in the zip -----------------------------------------------------------------------------------------------


def _list(plan: Plan, made: Sequence[Outcome]) -> bytes:
    """Every planned file, one a row."""
    import pandas as pd

    rows = [
        {
            "ファイル": outcome.planned.path,
            "機関": outcome.planned.of,
            "機関ID": outcome.planned.institution.id if outcome.planned.institution else "",
            "種類": outcome.planned.kind.label,
            "基準日": plan.as_of.isoformat(),
            "知識ベースの版": plan.knowledge.version,
            "大きさ（バイト）": outcome.size,
            "状態": "作成できず" if outcome.size is None else "作成済",
            "備考": outcome.reason or "",
        }
        for outcome in made
    ]
    columns = {name: pd.Series([row[name] for row in rows], dtype="string") for name in rows[0]}
    columns["大きさ（バイト）"] = pd.Series([row["大きさ（バイト）"] for row in rows], dtype="Int64")
    return to_csv_bytes(pd.DataFrame(columns))


def _readme(plan: Plan, made: Sequence[Outcome]) -> bytes:
    """What the zip holds, as a text that opens everywhere: UTF-8 with BOM, CRLF."""
    there = [outcome for outcome in made if outcome.size is not None]
    lines = [
        "Sansho エクスポート",
        "",
        f"基準日：{plan.as_of.isoformat()}",
        f"知識ベースの版：{plan.knowledge.version}",
        f"機関：{len(plan.institutions)}",
        f"ファイル：{len(there)}（この説明と「{LIST_NAME}」を除く）",
        "",
        f"どのファイルがどの機関の何かは「{LIST_NAME}」にある。",
        "法的助言ではない。判定は、収録した資料と回答にもとづく。",
    ]
    if any(institution.fictional for institution in plan.institutions):
        names = "、".join(institution.name for institution in plan.institutions if institution.fictional)
        lines += ["", f"次は架空の医療機関の例であり、実在の団体とは関係がない：{names}"]
    for guideline in plan.knowledge.encoded_guidelines:
        if not guideline.in_force:
            lines += ["", f"【旧版】「{guideline.title.ja}」{guideline.edition or ''}：{guideline.status_note}"]
    failures = [outcome for outcome in made if outcome.reason is not None]
    if failures:
        lines += ["", "■ 作成できなかったもの、欠けているもの"]
        lines += [
            f"・{each.planned.of}　{each.planned.kind.label}（{each.planned.name}）：{each.reason}" for each in failures
        ]
    lines += ["", "■ 種類"]
    lines += [f"・{kind.label}：{kind.help}" for kind in dict.fromkeys(each.planned.kind for each in made)]
    lines += ["", "■ ファイル"]
    for of in dict.fromkeys(outcome.planned.of for outcome in there):
        lines += [of, *(f"　{each.planned.path}" for each in there if each.planned.of == of)]
    text = visible("\n".join([*lines, ""]))
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8")
