"""The Jinja2 environment of the HTML outputs: one self-contained file a page, everything escaped, nothing undefined."""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analyzer.exports.visible import visible
from analyzer.resources import templates_dir

NOTHING = "－"
_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?\Z")


def render_html(template: str, **context: object) -> bytes:
    """A page of reports/templates as UTF-8. Text in `context` is escaped, None prints as `－`.

    Raises jinja2.UndefinedError where the template names what `context` lacks.
    """
    return environment().get_template(template).render(context).encode("utf-8")


@cache
def environment() -> Environment:
    """Autoescaping, strict on undefined names. Filters `ja_date`, `lines`; function `style(file)`."""
    built = Environment(
        loader=FileSystemLoader(templates_dir() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    built.filters["ja_date"] = ja_date
    built.filters["lines"] = lines
    built.globals["style"] = style
    return built


def ja_date(value: date | str | None) -> str:
    """`2026年11月1日` for a date; for `2017-05` or `2017` as much of it as is known; `－` for None."""
    if value is None:
        return NOTHING
    parts = _PARTIAL_DATE.match(value.isoformat() if isinstance(value, date) else value)
    if parts is None:
        return str(value)
    return "".join(f"{int(number)}{unit}" for number, unit in zip(parts.groups(), "年月日", strict=True) if number)


def lines(text: str | None) -> Markup:
    """Escaped text with its line ends kept as `<br>`; `－` for None."""
    return Markup("<br>").join(visible(NOTHING if text is None else text).split("\n"))


def style(name: str) -> Markup:
    """The text of a file of reports/styles, to stand inside `<style>`."""
    return Markup((templates_dir() / "styles" / name).read_text(encoding="utf-8"))  # noqa: S704  (our own file)


def _printed(value: object) -> object:
    """What an expression prints: nothing hidden in texts, `－` for None."""
    if value is None:
        return NOTHING
    if isinstance(value, str) and not isinstance(value, Markup):
        return escape(visible(value))
    return value
