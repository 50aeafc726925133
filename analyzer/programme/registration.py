"""The basic data of a participant: what a programme asks for, and whether what is given can be right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from analyzer.programme.model import Field, FieldType, Programme
from analyzer.programme.refusal import PortalError

_LONGEST: Final = 200
_EMAIL: Final = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PHONE: Final = re.compile(r"\+?[0-9]{2,5}(-?[0-9]{1,5}){1,4}")
_KANA: Final = re.compile(r"[゠-ヿ　 ]+")


class RegistrationError(PortalError):
    """Basic data that cannot be right. faults: by field, Japanese."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(" ".join(faults.values()), f"faults in {', '.join(faults)}")


def registration_faults(programme: Programme, values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the values, by field (Japanese)."""
    known = {field.id: field for field in programme.registration}
    faults = {name: f"「{name}」という項目はありません。" for name in values if name not in known}
    for field in programme.registration:
        value = normal_value(field, values.get(field.id, ""))
        fault = _fault(field, value)
        if fault is not None:
            faults[field.id] = f"「{field.label}」{fault}"
    return faults


def checked_registration(programme: Programme, values: Mapping[str, str]) -> dict[str, str]:
    """The values as they are kept: without those that are empty. Raises RegistrationError."""
    faults = registration_faults(programme, values)
    if faults:
        raise RegistrationError(faults)
    normal = {field.id: normal_value(field, values.get(field.id, "")) for field in programme.registration}
    return {name: value for name, value in normal.items() if value}


def normal_value(field: Field, value: str) -> str:
    """A value as it is kept: narrow letters and digits where the field is a number or an address, no spaces around."""
    if field.type in {"email", "phone", "number"}:
        return re.sub(r"[‐‑‒–—―−ー]", "-", unicodedata.normalize("NFKC", value)).strip()
    return " ".join(value.split())


def _fault(field: Field, value: str) -> str | None:
    if not value:
        return "が空です。" if field.required else None
    if len(value) > _LONGEST or not value.isprintable():
        return f"は{_LONGEST}文字までの文字で入力してください。"
    return _CHECKS[field.type](value)


_CHECKS: Final[Mapping[FieldType, Callable[[str], str | None]]] = {
    "text": lambda _value: None,
    "kana": lambda value: None if _KANA.fullmatch(value) else "はカタカナで入力してください。",
    "email": lambda value: None if _EMAIL.fullmatch(value) else "はメールアドレスの形ではありません。",
    "phone": lambda value: None if _PHONE.fullmatch(value) else "は電話番号の形ではありません。",
    "number": lambda value: None if re.fullmatch(r"[0-9]{1,9}", value) else "は整数で入力してください。",
}
