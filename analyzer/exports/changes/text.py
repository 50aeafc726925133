"""Comparisons as text for a terminal: counts first, then what changed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from analyzer.comparison.controls_changes import CHANGE_KINDS, SUBJECTS, ControlsChanges
from analyzer.comparison.documents import DutyState
from analyzer.comparison.progress import DIRECTIONS, MOVEMENTS, GapProgress, Movement, Progress
from analyzer.exports.changes.names import Names
from analyzer.exports.changes.notices import controls_notices, progress_notices
from analyzer.exports.changes.values import field_label, field_values
from analyzer.exports.terminal import console_text, text_console
from analyzer.exports.visible import visible
from analyzer.exports.wording import CARRIED_OVER
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES


def controls_changes_text(changes: ControlsChanges, names: Names) -> str:
    """Counts by guideline, then every change, field by field with the old and the new value."""
    console = text_console()
    _say(console, f"知識ベースの変更  旧 {changes.old_version} → 新 {changes.new_version}")
    _print_notices(console, controls_notices(changes))
    console.print(_scopes(changes, names))
    if not changes.changes:
        _say(console, "変更はありません。")
    for subject in SUBJECTS:
        for change in changes.of(subject):
            title = change.record["title"]
            shown = title if isinstance(title, str) else title["ja"]
            mark = names.label("change", change.kind)
            _say(console, f"\n{mark} {names.word('subject', subject)} {change.key} {shown}")
            for field in change.fields:
                old, new = field_values(field, names)
                _say(console, f"  {field_label(field.path, subject == 'control')}")
                _say(console, _indented("    旧 ", old))
                _say(console, _indented("    新 ", new))
    return console_text(console)


def progress_text(progress: Progress, names: Names) -> str:
    """Counts by conformity, section and gap, the controls whose conformity changed, then every gap."""
    console = text_console()
    old, new = progress.old, progress.new
    _say(console, f"{new.name}  {old.as_of} → {new.as_of}（{progress.days}日）")
    _say(console, f"知識ベース  旧 {old.version} → 新 {new.version}")
    _print_notices(console, progress_notices(progress))
    console.print(_sections(progress, names))
    console.print(_movements(progress, names))
    _print_directions(console, progress, names)
    for movement in MOVEMENTS:
        gaps = progress.moved(movement)
        _say(console, f"\n{names.label('movement', movement)}のギャップ {len(gaps)}件")
        if gaps:
            console.print(_gaps(movement, gaps, names))
    return console_text(console)


def _line(text: str) -> Line:
    return Line(visible(text))


def _say(console: Console, text: str) -> None:
    # Not wrapped: Japanese has no spaces to break at, and the terminal does it better.
    console.print(_line(text), soft_wrap=True)


def _indented(head: str, text: str) -> str:
    first, *others = text.split("\n")
    return "\n".join([head + first, *(f"       {other}" for other in others)])


def _print_notices(console: Console, notices: Iterable[str]) -> None:
    for notice in notices:
        _say(console, f"※ {notice}")


def _table(*columns: str, numbers_from: int | None = None) -> Table:
    table = Table()
    for index, name in enumerate(columns):
        right = numbers_from is not None and index >= numbers_from
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


def _scopes(changes: ControlsChanges, names: Names) -> Table:
    kinds = [names.label("change", kind) for kind in CHANGE_KINDS]
    table = _table("ガイドライン", "旧の件数", "新の件数", *kinds, numbers_from=1)
    for scope in changes.scopes:
        numbers = (scope.old, scope.new, *scope.kinds.values())
        table.add_row(_line(names.guideline(scope.guideline)), *map(str, numbers))
    return table


def _sections(progress: Progress, names: Names) -> Table:
    table = _table("節", *(names.label("conformity", word) for word in CONFORMITIES), numbers_from=1)
    whole = (progress.old.conformity, progress.new.conformity)
    table.add_row(
        "全体", *(_step(before, after) for before, after in zip(*(side.values() for side in whole), strict=True))
    )
    for section in progress.sections:
        numbers = (
            _step(section.before[word] if section.before else 0, section.after[word] if section.after else 0)
            for word in CONFORMITIES
        )
        table.add_row(_line(f"{section.guideline}:{section.section}"), *numbers)
    return table


def _step(before: int, after: int) -> str:
    return str(after) if before == after else f"{before}→{after}"


def _movements(progress: Progress, names: Names) -> Table:
    table = _table("ギャップ", "計", *(names.label("priority", word) for word in PRIORITIES), "内訳", numbers_from=1)
    table.columns[-1].justify = "left"
    for movement in MOVEMENTS:
        causes = progress.causes(movement)
        shown = "、".join(f"{names.word('cause', cause)} {number}" for cause, number in causes.items())
        numbers = map(str, progress.priorities(movement).values())
        total = str(len(progress.moved(movement)))
        table.add_row(names.label("movement", movement), total, *numbers, shown)
    return table


def _print_directions(console: Console, progress: Progress, names: Names) -> None:
    counted = progress.directions()
    shown = "、".join(f"{names.label('direction', word)} {counted[word]}" for word in DIRECTIONS if counted[word])
    _say(console, f"\n判定の変化（管理策とサービスごと）：{shown or 'なし'}")
    changed = [control for control in progress.controls if control.before != control.after]
    if not changed:
        return
    table = _table("管理策", "項目名", "旧の判定", "新の判定", "変化")
    for control in changed:
        states = (names.label("conformity", word) if word else "－" for word in (control.before, control.after))
        title = _line(names.control(control.control))
        table.add_row(control.control, title, *states, names.label("direction", control.direction))
    console.print(table)


def _gaps(movement: Movement, gaps: Iterable[GapProgress], names: Names) -> Table:
    table = _table("優先度", "管理策", "種類・当事者", "期限・担当", "経緯" if movement != "open" else "次の対応")
    for gap in gaps:
        duty = gap.old_duty if movement == "closed" else gap.new_duty
        told = names.word("cause", gap.cause)
        table.add_row(
            priority_text(gap, names),
            _line(gap.control),
            _line(f"{names.word('gap_kind', gap.kind)}\n{names.word('party', gap.party)}"),
            _line(_when_and_who(gap, duty)),
            _line(
                told
                if movement == "closed"
                else gap.latest.action
                if movement == "open"
                else f"{told}\n{gap.latest.action}"
            ),
        )
    return table


def priority_text(gap: GapProgress, names: Names) -> str:
    """The latest priority, with the one before where it changed."""
    latest = names.label("priority", gap.latest.priority)
    return (
        f"{names.label('priority', gap.before.priority)} → {latest}" if gap.before and gap.priority_changed else latest
    )


def _when_and_who(gap: GapProgress, duty: DutyState | None) -> str:
    parts = []
    if duty and duty.due:
        parts.append(f"期限 {duty.due}")
    if gap.old_duty and gap.new_duty and gap.old_duty.due and gap.old_duty.due != gap.new_duty.due:
        parts.append(f"（旧の期限 {gap.old_duty.due}）")
    if gap.days_overdue:
        parts.append(f"【{gap.days_overdue}日超過】")
    if duty and duty.owner:
        parts.append(f"担当 {duty.owner}")
    if duty and duty.carried_over:
        parts.append(CARRIED_OVER)
    return "\n".join(parts)
