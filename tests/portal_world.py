"""What the tests of the programme portal share: a store, enrolled institutions, and the people of both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from store_helpers import ticking

from analyzer.engine.rulebook import Rulebook
from analyzer.knowledge.base import KnowledgeBase
from analyzer.programme.enrolling import Enrolled
from analyzer.programme.filled_form import shown_questions
from analyzer.programme.listing import list_headings
from analyzer.programme.loading import load_programmes
from analyzer.programme.model import Form, Programme, Question
from analyzer.programme.portal import Portal
from analyzer.resources import programmes_dir
from analyzer.store.principal import Principal
from analyzer.store.store import Store

SECRETARIAT = Principal("office", "事務局の担当者", "secretariat")
PROGRAMME = "security-support-2026"


@dataclass(frozen=True)
class PortalWorld:
    """An open portal with the institutions of a list enrolled."""

    store: Store
    portal: Portal
    enrolled: tuple[Enrolled, ...]

    @property
    def programme(self) -> Programme:
        return self.portal.programmes[PROGRAMME]

    def person(self, number: int = 0) -> Principal:
        """Who acts for an enrolled institution, having chosen a password."""
        handover = self.enrolled[number].handover
        assert handover is not None
        account = handover.account
        return Principal(account.login, account.name, "institution", frozenset(account.institutions))


def listed(programme: Programme, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A list of institutions as the secretariat fills it in: values by heading."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    headings = list_headings(programme)
    sheet.append(list(headings))
    for row in rows:
        sheet.append([row.get(heading) for heading in headings])
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def row_of(programme: Programme, number: int, **more: Any) -> dict[str, Any]:
    """A row that is taken."""
    samples = {
        "text": f"架空{number}太郎",
        "kana": "カクウタロウ",
        "email": f"person{number}@example.jp",
        "phone": f"03-0000-{number:04}",
        "number": str(number),
    }
    fixed = {
        "番号": number,
        "医療機関名": f"架空第{number}病院",
        "種別": "病院",
        "病床数": 100 + number,
        "都道府県": "架空県",
    }
    return {**fixed, **{field.heading: samples[field.type] for field in programme.registration}, **more}


@contextmanager
def portal_world(
    location: str, folder: Path, knowledge: KnowledgeBase, rulebook: Rulebook, institutions: int = 2
) -> Iterator[PortalWorld]:
    """A store with institutions enrolled from a list."""
    store = Store.open(location, knowledge, folder, ticking())
    try:
        programmes = load_programmes(programmes_dir(), knowledge)
        portal = Portal(store, programmes, rulebook, clock=ticking())
        content = listed(programmes[PROGRAMME], [row_of(programmes[PROGRAMME], n + 1) for n in range(institutions)])
        preview = portal.enrolling.preview(SECRETARIAT, PROGRAMME, content, "list.xlsx")
        yield PortalWorld(store, portal, portal.enrolling.take(SECRETARIAT, PROGRAMME, preview))
    finally:
        store.close()


def whole_answers(form: Form, given: Mapping[str, Any]) -> dict[str, Any]:
    """Answers to every question that is shown, as given or else the first that would do."""
    answers: dict[str, Any] = {}
    while True:
        missing = [question for question in shown_questions(form, answers) if question.id not in answers]
        if not missing:
            return answers
        for question in missing:
            answers[question.id] = given.get(question.id, _some_answer(question))


def _some_answer(question: Question) -> Any:
    if question.type == "choices":
        return [question.options[0].value]
    if question.options:
        return question.options[0].value
    return {"number": 3, "date": "2026-06-01"}.get(question.type, "架空の回答")
