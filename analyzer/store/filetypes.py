"""What a file is, by its content, and a name for it that is safe to show, to store and to download under."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from analyzer.store.database import StoreError
from analyzer.store.limits import FileLimits

_OOXML: Final = "application/vnd.openxmlformats-officedocument"
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "xlsx": f"{_OOXML}.spreadsheetml.sheet",
    "docx": f"{_OOXML}.wordprocessingml.document",
    "text": "text/plain",
}
_SIGNATURES: Final[Mapping[bytes, str]] = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
_OFFICE: Final[Mapping[str, str]] = {"xl/workbook.xml": "xlsx", "word/document.xml": "docx"}
_UNSAFE: Final = re.compile(r'[<>:"|?*]')
# Names that Windows keeps for devices, whatever their ending.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)
_TEXT_CONTROLS: Final = frozenset("\t\n\r\f")
_ENCODINGS: Final = ("utf-8-sig", "cp932")


def media_type_of(name: str, content: bytes, limits: FileLimits) -> str:
    """The media type of a file that may be taken. Raises StoreError with the reason why it may not."""
    ending = PurePosixPath(name).suffix.lower()
    wanted = limits.endings.get(ending)
    if wanted is None:
        raise StoreError(f"{name}: files of this kind are not taken; taken are {', '.join(limits.endings)}")
    found = _kind(name, content)
    if found != wanted:
        what = f"is {found}" if found else "is of no kind that is taken"
        raise StoreError(f"{name}: the name says {wanted}, but the content {what}")
    return "text/csv" if ending == ".csv" else _MEDIA_TYPES[wanted]


def clean_name(name: str, limits: FileLimits) -> str:
    """A file's name without folders, control and direction characters, and of bounded length; its ending stays.

    Raises StoreError where nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(ch for ch in last if unicodedata.category(ch)[0] != "C")
    safe = _UNSAFE.sub("_", visible).strip(" .")
    if not safe:
        raise StoreError(f"{name!r}: is not the name of a file")
    if _DEVICES.match(safe):
        safe = f"_{safe}"
    ending = PurePosixPath(safe).suffix
    if len(ending) >= limits.max_name_length:
        ending = ""
    stem = safe[: len(safe) - len(ending)]
    return stem[: limits.max_name_length - len(ending)] + ending


def _kind(name: str, content: bytes) -> str | None:
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            return kind
    if content.startswith(b"PK\x03\x04"):
        return _office_kind(name, content)
    return "text" if _is_text(content) else None


def _office_kind(name: str, content: bytes) -> str | None:
    """Which office document a zip is. Only its list of members is read, nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise StoreError(f"{name}: is damaged: its parts cannot be listed") from None
    if any(member.lower().endswith("vbaproject.bin") for member in members):
        raise StoreError(f"{name}: holds macros; save it without them")
    if "[Content_Types].xml" not in members:
        return None
    return next((kind for member, kind in _OFFICE.items() if member in members), None)


def _is_text(content: bytes) -> bool:
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return all(ch in _TEXT_CONTROLS or unicodedata.category(ch) != "Cc" for ch in text)
    return False
