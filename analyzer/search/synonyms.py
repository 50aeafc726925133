"""Words that stand for one another, from rules/synonyms.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from analyzer.knowledge.schemas import read_document
from analyzer.knowledge.yamlreader import read_bytes
from analyzer.resources import rules_dir
from analyzer.search.normalise import Word, phrases

Synonyms = Mapping[str, tuple[Word, ...]]


def load_synonyms(path: Path) -> Synonyms:
    """For each folded word of the file the others of its groups, in order. Raises InputError that names every fault."""
    name = str(path)
    return synonyms(read_document(read_bytes(path), name, "synonyms")["groups"])


@cache
def shipped_synonyms() -> Synonyms:
    """The groups that come with Sansho, read once."""
    return load_synonyms(rules_dir() / "synonyms.yaml")


def synonyms(groups: Iterable[Sequence[str]]) -> Synonyms:
    """For each folded word the others of its groups, in order."""
    found: dict[str, dict[str, Word]] = {}
    listed = list(groups)
    folded = iter(phrases([term for group in listed for term in group]))
    for group in listed:
        members = list(islice(folded, len(group)))
        for member in members:
            others = {other.text: other for other in members if other.text != member.text}
            found.setdefault(member.text, {}).update(others)
    return {text: tuple(others.values()) for text, others in found.items()}
