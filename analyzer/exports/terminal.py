"""Text for a terminal: an assessment, an explanation. Widths count full-width characters as two."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from analyzer.engine.rulebook import Rulebook
from analyzer.model.controls import Control
from analyzer.model.results import Assessment, Tally, TraceStep
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES

WIDTH = 118


def assessment_text(assessment: Assessment, rulebook: Rulebook) -> str:
    """Counts by section, then every gap by priority."""
    console = text_console()
    institution = assessment.institution
    console.print(
        Line(f"{institution.name}  {assessment.as_of:%Y-%m-%d} 時点  知識ベース {assessment.knowledge_version}")
    )
    console.print(_sections(assessment, rulebook))
    unknown = assessment.summary.unknown_facts
    if unknown:
        console.print(Line("未回答のプロフィール（判定する管理策の数）:"))
        for fact in unknown:
            console.print(Line(f"  {fact.fact} ({fact.controls}): {fact.question}"))
    console.print(_gaps(assessment, rulebook))
    return console_text(console)


def explanation_text(control: Control, services: Mapping[str | None, Sequence[TraceStep]]) -> str:
    """The chain of rules behind a control's result, one table after the other."""
    console = text_console()
    console.print(Line(f"{control.key} {control.title.ja}"))
    for service, steps in services.items():
        table = Table(title=Line(service or "クラウドサービスなし"), title_justify="left")
        for name in ("表", "規則", "入力", "結果", "理由"):
            table.add_column(name, overflow="fold")
        for step in steps:
            table.add_row(
                step.table,
                step.rule,
                Line("\n".join(f"{name}={value}" for name, value in step.inputs.items())),
                Line("\n".join(f"{name}={value}" for name, value in step.outputs.items())),
                Line(step.reason.ja),
            )
        console.print(table)
    return console_text(console)


def _sections(assessment: Assessment, rulebook: Rulebook) -> Table:
    table = Table()
    table.add_column("区分・節")
    table.add_column("対象", justify="right")
    for word in CONFORMITIES:
        table.add_column(rulebook.term("conformity", word).ja, justify="right")

    def add(name: str, tally: Tally) -> None:
        numbers = (str(tally.conformity[word]) for word in CONFORMITIES)
        table.add_row(Line(name), str(tally.applicable), *numbers)

    summary = assessment.summary
    add("全体", summary.overall)
    for level, tally in summary.by_level.items():
        add(rulebook.term("level", level).ja, tally)
    for (guideline, section), tally in summary.by_section.items():
        add(f"{guideline}:{section}", tally)
    return table


def _gaps(assessment: Assessment, rulebook: Rulebook) -> Table:
    table = Table()
    for name in ("優先度", "管理策", "担当", "種類", "理由と次の対応", "規則"):
        table.add_column(name, overflow="fold")
    found = [(gap, result) for result in assessment.results for gap in result.gaps]
    for gap, result in sorted(found, key=lambda pair: PRIORITIES.index(pair[0].priority)):
        table.add_row(
            rulebook.term("priority", gap.priority).ja,
            result.control.key,
            Line(rulebook.term("party", gap.party).ja),
            Line(rulebook.term("gap_kind", gap.kind).ja),
            Line(f"{gap.reason.ja}→{gap.action.ja}"),
            gap.rule,
        )
    return table


def text_console() -> Console:
    """A console that writes to memory, of a fixed width and without colour."""
    return Console(file=io.StringIO(), width=WIDTH, force_terminal=False, color_system=None)


def console_text(console: Console) -> str:
    """What was printed, without spaces at the ends of lines."""
    stream = console.file
    assert isinstance(stream, io.StringIO)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
