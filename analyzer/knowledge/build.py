"""From schema-checked data to the records of analyzer.model. Knows the formats' keys, decides nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

from analyzer.model.catalog import (
    AllOf,
    AnyOf,
    Certification,
    Condition,
    Document,
    Edition,
    Expression,
    Fact,
    FactTest,
    Guideline,
    MicClause,
    Not,
    Survey,
    Vendor,
)
from analyzer.model.controls import (
    Citation,
    Control,
    Duty,
    MicRequirements,
    Place,
    Point,
    Response,
    Section,
    Text,
)
from analyzer.model.crosswalk import Crosswalk, Relation, Unrelated

Data = dict[str, Any]


def guidelines(data: Data) -> dict[str, Guideline]:
    """guidelines.yaml, by id, in file order."""
    return {
        item["id"]: Guideline(
            id=item["id"],
            title=_text(item["title"]),
            short_title=item["short_title"],
            edition=item["edition"],
            issuer=_text(item["issuer"]),
            published=item["published"],
            in_force=item["in_force"],
            levels=tuple(item["levels"]),
            later_editions=tuple(
                Edition(later["edition"], later["published"], later.get("note")) for later in item["later_editions"]
            ),
            successor=item["successor"],
            status_note=item["status_note"],
        )
        for item in data["guidelines"]
    }


def facts(data: Data) -> dict[str, Fact]:
    """The facts of conditions.yaml, by id, in file order."""
    return {
        item["id"]: Fact(
            item["id"], item["question"], item["help"], tuple(item.get("values", ())), tuple(item.get("informs", ()))
        )
        for item in data["facts"]
    }


def conditions(data: Data, file: str) -> dict[str, Condition]:
    """The conditions of conditions.yaml, by id, in file order."""
    return {
        item["id"]: Condition(
            item["id"], _text(item["title"]), _expression(item["when"]), Place(file, ("conditions", index))
        )
        for index, item in enumerate(data["conditions"])
    }


def clauses(data: Data, file: str) -> dict[str, MicClause]:
    """The clauses of one file of controls/mic/, by id, in file order."""
    return {
        item["id"]: MicClause(
            id=item["id"],
            guideline=data["guideline"],
            clause_class=item["class"],
            title=_text(item["title"]),
            text=item["text"],
            note=item.get("note"),
            place=Place(file, ("clauses", index)),
        )
        for index, item in enumerate(data["clauses"])
    }


def section(data: Data) -> Section:
    """The section that a controls file is about."""
    return Section(data["guideline"], data["section"]["id"], _text(data["section"]["title"]))


def control(item: Data, of_section: Section, place: Place) -> Control:
    """One control with the responses given beside it."""
    mic = item.get("mic")
    return Control(
        guideline=of_section.guideline,
        id=item["id"],
        mark=item.get("mark"),
        section=of_section,
        title=_text(item["title"]),
        level=item["level"],
        requirement=item["requirement"],
        points=tuple(Point(point["id"], point["text"]) for point in item.get("points", ())),
        applies_if=item["applies_if"],
        mic=None
        if mic is None
        else MicRequirements(
            tuple(Citation(cited["id"], cited["class"], cited.get("note")) for cited in mic["clauses"]),
            tuple(mic["agreements"]),
        ),
        responses=responses(item, place),
        expected_evidence=tuple(item.get("expected_evidence", ())),
        note=item.get("note"),
        place=place,
    )


def responses(item: Data, place: Place) -> dict[str, Response]:
    """The vendors' answers given under one control, by vendor."""
    return {
        vendor: Response(
            vendor=vendor,
            conformity=answer["conformity"],
            statement=answer["statement"],
            urls=tuple(answer["urls"]),
            finding=answer["finding"],
            finding_documents=tuple(answer["finding_documents"]),
            disclosure=answer["disclosure"],
            documents=tuple(answer["documents"]),
            certifications=tuple(answer["certifications"]),
            interview=answer["interview"],
            nda_documents=answer["nda_documents"],
            duties=tuple(Duty(tuple(duty["parties"]), duty["text"]) for duty in answer["duties"]),
            place=Place(place.file, (*place.path, "responses", vendor)),
        )
        for vendor, answer in item["responses"].items()
    }


def vendor(data: Data, file: str) -> Vendor:
    """One vendor's register."""
    survey = data["survey"]
    return Vendor(
        id=data["vendor"],
        name=_text(data["name"]),
        survey=Survey(
            title=survey["title"],
            edition=survey["edition"],
            surveyor=survey["surveyor"],
            surveyed_on=date.fromisoformat(survey["surveyed_on"]),
            surveyed_on_basis=survey["surveyed_on_basis"],
            pages=survey["pages"],
        ),
        documents={
            item["number"]: Document(
                number=item["number"],
                title=item["title"],
                title_known=item["title_known"],
                basis=item["basis"],
                kind=item["kind"],
                url=item["url"],
                format=item["format"],
            )
            for item in data["documents"]
        },
        certifications={
            item["id"]: Certification(
                id=item["id"],
                title=item["title"],
                edition=item["edition"],
                number=item["number"],
                edition_withdrawn_on=optional_date(item["edition_withdrawn_on"]),
                successor=item["successor"],
                basis=item["basis"],
            )
            for item in data["certifications"]
        },
        place=Place(file, ()),
    )


def crosswalk(data: Data, file: str) -> Crosswalk:
    """One file of controls/crosswalk/."""
    first, second = data["from"], data["to"]
    return Crosswalk(
        first=first,
        second=second,
        relations=tuple(
            Relation(
                first=f"{first}:{item['from']}",
                second=f"{second}:{item['to']}",
                kind=item["relation"],
                reason=item["reason"],
                source=item["source"],
                place=Place(file, ("relations", index)),
            )
            for index, item in enumerate(data["relations"])
        ),
        unrelated=tuple(
            Unrelated(f"{second}:{item['to']}", first, item["reason"], Place(file, ("unrelated", index)))
            for index, item in enumerate(data["unrelated"])
        ),
        place=Place(file, ()),
    )


def optional_date(value: str | None) -> date | None:
    """A schema-checked ISO date, or None."""
    return None if value is None else date.fromisoformat(value)


def _text(item: Data) -> Text:
    return Text(item["ja"], item["en"])


def _expression(item: Data) -> Expression:
    if "all" in item:
        return AllOf(tuple(_expression(part) for part in item["all"]))
    if "any" in item:
        return AnyOf(tuple(_expression(part) for part in item["any"]))
    if "not" in item:
        return Not(_expression(item["not"]))
    return FactTest(item["fact"], tuple(item["in"]) if "in" in item else (item["is"],))
