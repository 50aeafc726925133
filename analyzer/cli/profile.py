"""`sansho profile`: ask for the facts that are unknown, and write the answers into the institution's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.options import controls_option, institution_path, open_institution, open_knowledge
from analyzer.errors import SanshoError

if TYPE_CHECKING:
    from analyzer.knowledge.base import KnowledgeBase
    from analyzer.model.catalog import Fact
    from analyzer.model.results import UnknownFact

YES, NO, SKIP, HELP, QUIT = "y", "n", "", "?", "q"


@click.command()
@click.argument("institution", metavar="INSTITUTION")
@click.option("--list", "only_list", is_flag=True, help="Only print the unknown facts; ask nothing.")
@click.option(
    "--set", "settings", multiple=True, metavar="FACT=VALUE", help="Set a fact without being asked; repeatable."
)
@controls_option
@click.pass_context
def profile(
    context: click.Context, institution: str, only_list: bool, settings: tuple[str, ...], roots: tuple[Path, ...]
) -> None:
    """Ask for the facts that are unknown, those that decide most controls first; every answer is saved at once."""
    from analyzer.engine.profile import facts_to_ask

    knowledge = open_knowledge(context, roots)
    known = dict(open_institution(institution, knowledge).facts)
    path = institution_path(institution)
    given = dict(_setting(text, knowledge) for text in settings)
    if given:
        _write(path, given)
        known.update(given)
    if only_list:
        for fact in facts_to_ask(knowledge, known):
            click.echo(f"{fact.controls:>4}  {fact.fact}  {fact.question}")
    elif not settings:
        _interview(path, knowledge, known)


def _interview(path: Path, knowledge: KnowledgeBase, known: dict[str, bool | str]) -> None:
    from analyzer.engine.profile import facts_to_ask

    skipped: set[str] = set()
    while True:
        # What is left is ranked again after every answer: one answer can settle many conditions.
        left = [fact for fact in facts_to_ask(knowledge, known) if fact.fact not in skipped]
        if not left:
            break
        answer = _ask(left[0], knowledge.facts[left[0].fact], len(left))
        if answer == QUIT:
            break
        if answer is None:
            skipped.add(left[0].fact)
            continue
        known[left[0].fact] = answer
        _write(path, {left[0].fact: answer})
    remaining = len(facts_to_ask(knowledge, known))
    click.echo(f"未回答の質問: {remaining} 件")


def _ask(asked: UnknownFact, fact: Fact, left: int) -> bool | str | None:
    """The answer: a value, None for unknown, QUIT to stop."""
    weight = f"適用が決まる管理策 {asked.controls} 件" if asked.controls else "適用は変わらず、読み方に関わる"
    click.echo(f"\n[残り {left} 件] {fact.question}（{weight}）")
    for number, value in enumerate(fact.values, start=1):
        click.echo(f"  {number}: {value}")
    choices = "番号" if fact.values else "はい=y いいえ=n"
    while True:
        try:
            typed = click.prompt(f"  {choices} 説明=? 分からない=Enter 終わる=q", default="", show_default=False)
        except click.Abort:
            click.echo()
            return QUIT
        typed = typed.strip().lower()
        if typed == HELP:
            click.echo(f"  {fact.help}")
        elif typed == QUIT:
            return QUIT
        elif typed == SKIP:
            return None
        elif fact.values and typed.isdecimal() and 1 <= int(typed) <= len(fact.values):
            return fact.values[int(typed) - 1]
        elif not fact.values and typed in {YES, NO}:
            return typed == YES


def _setting(text: str, knowledge: KnowledgeBase) -> tuple[str, bool | str]:
    name, _, value = text.partition("=")
    fact = knowledge.facts.get(name)
    if fact is None:
        raise SanshoError(f"--set {text}: no fact {name!r} in conditions.yaml")
    if fact.values and value in fact.values:
        return name, value
    if not fact.values and value in {"true", "false"}:
        return name, value == "true"
    raise SanshoError(f"--set {text}: {value!r} is not one of {', '.join(fact.values or ('true', 'false'))}")


def _write(path: Path, facts: dict[str, bool | str]) -> None:
    from analyzer.exports.files import write_whole
    from analyzer.knowledge.profile_edit import with_facts
    from analyzer.knowledge.yamlreader import read_bytes

    write_whole(path, with_facts(read_bytes(path), str(path), facts))
