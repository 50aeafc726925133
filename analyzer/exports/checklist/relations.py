"""The controls of other guidelines beside each control: which are related, which share an answer, what they offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from analyzer.exports.checklist.answers import AnswerLines
from analyzer.exports.checklist.context import Context
from analyzer.exports.checklist.model import Item, RelatedLine, SharedDuty, SuggestionLine
from analyzer.exports.related import Related, suggestion_text
from analyzer.model.institution import Answer
from analyzer.model.vocabulary import Party

_DIFFERING = "回答が分かれている"


@dataclass(frozen=True)
class RelationLines:
    """The relations between the controls of one assessed institution."""

    context: Context
    answers: AnswerLines

    def related(self, key: str) -> tuple[RelatedLine, ...]:
        """The controls related to one, applicable or not."""
        return tuple(self._related_line(key, other) for other in self.context.related(key))

    def _related_line(self, key: str, other: Related) -> RelatedLine:
        item = self._item(other.control.key)
        # The very item tells whether it is applicable and listed.
        known = self.context.shared.related_lines
        place = (key, other.kind, id(item))
        found = known.get(place)
        if found is None:
            found = known[place] = RelatedLine(
                item=item,
                relation=self.context.label("relation", other.kind),
                reason=other.reason,
                source=self.context.label("relation_source", other.source),
            )
        return found

    def shared(self, key: str, party: Party) -> SharedDuty | None:
        """The duty as one with those of the controls of equal demands; None where the party holds no other."""
        holders = [other for other in self._equals.get(key, ()) if (other, party) in self._duties]
        if len(holders) < 2:
            return None
        own = _content(self._given(key, party))
        same = [other for other in holders if _content(self._given(other, party)) == own]
        # What one row of the form answers has to stand in that form.
        items = tuple(item for item in map(self._item, same) if item.listed)
        differing = tuple(self._difference(key, other, party) for other in holders if other not in same)
        return SharedDuty(items, differing) if differing or len(items) > 1 else None

    def suggestions(self, key: str, party: Party) -> tuple[SuggestionLine, ...]:
        """What related controls offer for a duty."""
        return self._suggestions.get((key, party), ())

    def _difference(self, key: str, other: str, party: Party) -> str:
        """How a duty of equal demands is answered otherwise."""
        own, given = self._given(key, party), self._given(other, party)
        status = self.context.label("status", given.status if given else "unanswered")
        told = f"{_DIFFERING}：同じことを求める {self._item(other).id} は「{status.text}」"
        return f"{told}（理由・証跡・日付などが異なる）" if own and given and own.status == given.status else told

    def _item(self, key: str) -> Item:
        applicable = key in self._applicable
        control = self.context.knowledge.controls[key]
        listed = applicable and self.context.listed(control)
        found = self.context.shared.items.get((key, applicable, listed))
        if found is None:
            found = self.context.shared.items[key, applicable, listed] = Item(
                key=key,
                id=control.id,
                title=control.title.ja,
                guideline_title=self.context.guideline_title(control),
                level=self.context.label("level", control.level),
                applicable=applicable,
                listed=listed,
            )
        return found

    def _given(self, key: str, party: Party) -> Answer | None:
        """What stands in the file, whether it counts at as_of or not."""
        return self.context.institution.answers.get((key, party))

    @cached_property
    def _applicable(self) -> dict[str, None]:
        """The applicable controls, in order."""
        results = self.context.assessment.results
        return {result.control.key: None for result in results if result.applicability == "applicable"}

    @cached_property
    def _duties(self) -> frozenset[tuple[str, Party]]:
        return frozenset(
            (result.control.key, duty.party) for result in self.context.assessment.results for duty in result.duties
        )

    @cached_property
    def _equals(self) -> dict[str, tuple[str, ...]]:
        """For each applicable control all that equal relations between applicable controls lead to, itself included, in
        the order of the knowledge base; a control without any is left out.
        """
        found: dict[str, tuple[str, ...]] = {}
        for key in self._applicable:
            if key not in found:
                reached = set(self._reached(key))
                members = tuple(other for other in self._applicable if other in reached) if len(reached) > 1 else ()
                found |= dict.fromkeys(members, members)
        return found

    def _reached(self, key: str) -> Iterator[str]:
        seen, waiting = {key}, [key]
        while waiting:
            here = waiting.pop()
            yield here
            for other in self.context.related(here):
                if other.kind == "equal" and other.control.key in self._applicable and other.control.key not in seen:
                    seen.add(other.control.key)
                    waiting.append(other.control.key)

    @cached_property
    def _suggestions(self) -> dict[tuple[str, Party], tuple[SuggestionLine, ...]]:
        found: dict[tuple[str, Party], list[SuggestionLine]] = {}
        for suggestion in self.context.assessment.suggestions:
            source = self._item(suggestion.source)
            line = SuggestionLine(
                source=source,
                relation=self.context.label("relation", suggestion.relation),
                reason=suggestion.reason,
                status=self.context.label("status", suggestion.status) if suggestion.status else None,
                evidence=tuple(self.answers.evidence[item] for item in suggestion.evidence),
                text=suggestion_text(suggestion, source.id, suggestion.evidence, self.context.rulebook),
            )
            found.setdefault((suggestion.control, suggestion.party), []).append(line)
        return {duty: tuple(lines) for duty, lines in found.items()}


def _content(answer: Answer | None) -> tuple[object, ...] | None:
    """All that an answer says, whichever control it is given for."""
    if answer is None:
        return None
    return (
        answer.status,
        answer.reason,
        answer.evidence,
        answer.checked_on,
        answer.due,
        answer.owner,
        answer.note,
        answer.carried_over,
    )
