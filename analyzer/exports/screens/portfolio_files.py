"""The list of institutions that the page of many institutions shows, as CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from analyzer.engine.rulebook import Rulebook
from analyzer.exports.portfolio_overview import InstitutionCounts
from analyzer.exports.tabular import to_csv_bytes
from analyzer.model.vocabulary import CONFORMITIES, PRIORITIES

_TEXT: Final = "string"


def institutions_csv(institutions: Sequence[InstitutionCounts], ranks: Mapping[str, int], rulebook: Rulebook) -> bytes:
    """One row an institution, in the order given, with its rank where it has one. Format: see `to_csv_bytes`."""
    import pandas as pd

    columns: dict[str, tuple[str, Callable[[InstitutionCounts], Any]]] = {
        "順位": ("Int64", lambda each: ranks.get(each.id)),
        "機関ID": (_TEXT, lambda each: each.id),
        "機関": (_TEXT, lambda each: each.name),
        "種別": (_TEXT, lambda each: rulebook.term("institution_kind", each.kind).ja),
        "規模": (_TEXT, lambda each: each.size),
        "地域": (_TEXT, lambda each: each.region),
        "適合の割合": ("Float64", lambda each: None if each.counts.rate is None else round(each.counts.rate, 4)),
        "適用のある項目": ("Int64", lambda each: each.counts.applicable),
    }
    for word in CONFORMITIES:
        label = rulebook.term("conformity", word).ja
        columns[label] = ("Int64", lambda each, word=word: each.counts.conformity.get(word, 0))  # type: ignore[misc]
    for priority in PRIORITIES:
        label = f"ギャップ（{rulebook.term('priority', priority).ja}）"
        columns[label] = ("Int64", lambda each, word=priority: each.counts.gaps.get(word, 0))  # type: ignore[misc]
    frame = pd.DataFrame(
        {name: pd.Series([of(each) for each in institutions], dtype=kind) for name, (kind, of) in columns.items()}
    )
    return to_csv_bytes(frame)
