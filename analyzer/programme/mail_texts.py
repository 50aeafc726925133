"""The templates of mails: what they may say, and the text they make.

A programme's file is data that others write, so its templates are few things only: text, the variables of MailValues,
and `if` over them. Nothing in them can loop, call or grow.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from functools import cache, lru_cache

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from analyzer.exports.templating import ja_date
from analyzer.programme.model import MailText, Secretariat

_LOG = logging.getLogger(__name__)
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
_SECRETARIAT = tuple(field.name for field in fields(Secretariat))


@dataclass(frozen=True, slots=True)
class MailValues:
    """What a mail's text may name; the fields are the variables.

    programme, institution, recipient, step: titles and names, empty where there is none. link: the address to open.
    due: the day that is near or past. days: until `due`, or since it. text: what the notification in the app says.
    """

    programme: str
    institution: str
    recipient: str
    step: str
    secretariat: Secretariat
    link: str
    due: date | None
    days: int | None
    text: str = ""


MAIL_VARIABLES: tuple[str, ...] = tuple(field.name for field in fields(MailValues))


def fill_in(text: MailText, values: MailValues) -> tuple[str, str]:
    """Subject and body of a mail. The subject is one line whatever the values hold; an absent value prints nothing."""
    named = {name: getattr(values, name) for name in MAIL_VARIABLES}
    subject = _template(text.subject).render(named)
    return " ".join(subject.split()), _template(text.body).render(named)


def mail_text(text: MailText | None, values: MailValues) -> tuple[str, str]:
    """Subject and body as the templates say; a plain text where there are none, or where they fail all the same.

    What people did must not be lost for a mail that could not be worded.
    """
    if text is not None:
        try:
            subject, body = fill_in(text, values)
        except Exception:
            _LOG.exception("%s: a mail's template failed; a plain text is sent instead", values.programme)
        else:
            if subject and body.strip():
                return subject, body
    named = " ".join(each for each in (values.programme, values.step) if each)
    parts = (f"{values.recipient} 様", values.text, values.link, values.secretariat.name)
    return f"{' '.join(named.split())}：お知らせ", "\n\n".join(part for part in parts if part) + "\n"


def template_faults(template: str) -> Iterator[str]:
    """Why a template cannot be used, one reason a fault; none where it can."""
    try:
        parsed = _environment().parse(template)
    except TemplateSyntaxError as error:
        yield f"is not a template in line {error.lineno} of the text: {error.message}"
        return
    except RecursionError:
        yield "is nested too deeply"
        return
    reasons = list(_node_faults(parsed))
    yield from reasons
    if not reasons:
        try:
            _environment().from_string(template)
        except (SyntaxError, RecursionError, MemoryError):
            # Python's own limits on the code that a template becomes.
            yield "is nested too deeply"


def _node_faults(parsed: nodes.Template) -> Iterator[str]:
    inner: set[int] = set()
    pending: list[nodes.Node] = [parsed]
    while pending:
        node = pending.pop(0)
        pending += node.iter_child_nodes()
        if not isinstance(node, _ALLOWED):
            yield f"line {node.lineno} of the text holds {type(node).__name__}; only variables and `if` may stand there"
            return
        if isinstance(node, nodes.Getattr):
            inner.add(id(node.node))
            yield from _attribute_faults(node)
        elif isinstance(node, nodes.Name):
            if node.name not in MAIL_VARIABLES:
                yield _unknown("variable", node.name, MAIL_VARIABLES)
            elif node.name == "secretariat" and id(node) not in inner:
                yield f"say which part of 'secretariat' is meant: {', '.join(_SECRETARIAT)}"


def _attribute_faults(node: nodes.Getattr) -> Iterator[str]:
    if not isinstance(node.node, nodes.Name) or node.node.name != "secretariat":
        yield f"nothing but 'secretariat' has parts; {node.attr!r} is asked of something else"
    elif node.attr not in _SECRETARIAT:
        yield _unknown("part of 'secretariat'", node.attr, _SECRETARIAT)


def _unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"no {what} {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}")


@lru_cache(maxsize=256)
def _template(source: str) -> Template:
    # A notice to a thousand institutions is worded a thousand times.
    return _environment().from_string(source)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    # Mails are plain text, so nothing is escaped; the values never reach a template's source.
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _printed(value: object) -> object:
    if value is None:
        return ""
    return ja_date(value) if isinstance(value, date) else value
