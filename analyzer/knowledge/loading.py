"""Reading a knowledge base from its folders: controls/ and evidence/vendors/, every fault of every file at once."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from analyzer import __version__
from analyzer.errors import InputError, Problem
from analyzer.knowledge import build
from analyzer.knowledge.base import KnowledgeBase
from analyzer.knowledge.lint import lint
from analyzer.knowledge.located import Fault, locate
from analyzer.knowledge.schemas import Format, schema_problems
from analyzer.knowledge.yamlreader import parse_yaml, read_bytes
from analyzer.model.catalog import Condition, Fact, Guideline, MicClause, Vendor
from analyzer.model.controls import Control, Place, Section
from analyzer.model.crosswalk import Crosswalk
from analyzer.model.ordering import natural_key
from analyzer.resources import controls_dir, evidence_dir

GUIDELINES_FILE = "guidelines.yaml"
CONDITIONS_FILE = "conditions.yaml"
MIC_FOLDER = "mic"
VENDORS_FOLDER = "vendors"
CROSSWALK_FOLDER = "crosswalk"

Record = TypeVar("Record")


def load_knowledge(extra_roots: Sequence[Path] = ()) -> KnowledgeBase:
    """The shipped knowledge base with further roots laid over it.

    A root with a guidelines.yaml of its own is a whole knowledge base and stands in place of the shipped one; any
    other adds responses of further vendors (and their registers, in its `vendors/`) to the controls that are there.
    Raises InputError that names every fault of every file.
    """
    roots = list(extra_roots)
    for root in roots:
        if not root.is_dir():
            raise InputError.single(str(root), "no such folder" if not root.exists() else "is not a folder")
    if not any((root / GUIDELINES_FILE).exists() for root in roots):
        roots.insert(0, controls_dir())
    return _Loading(roots).run()


class _Loading:
    """One run over the roots; gathers every fault before it gives up."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._contents: dict[str, bytes] = {}
        self._problems: list[Problem] = []
        self._faults: list[Fault] = []
        self._guidelines: dict[str, Guideline] = {}
        self._facts: dict[str, Fact] = {}
        self._conditions: dict[str, Condition] = {}
        self._clauses: dict[str, MicClause] = {}
        self._vendors: dict[str, Vendor] = {}
        self._crosswalks: list[Crosswalk] = []
        self._sections: dict[tuple[str, str], Section] = {}
        self._section_places: dict[tuple[str, str], Place] = {}
        self._controls: dict[str, Control] = {}

    def run(self) -> KnowledgeBase:
        overlays: list[tuple[dict[str, Any], str, str]] = []
        for root in self._roots:
            self._registers(root)
            for path, shown in self._files(root):
                data = self._read(path, shown, "controls")
                if data is not None:
                    overlays.append((data, shown, path.parent.name))
        for data, shown, folder in overlays:
            self._section_file(data, shown, folder)
        knowledge = self._ordered()
        unread = bool(self._problems)
        self._faults += lint(knowledge, incomplete=unread)
        problems = [*self._problems, *locate(self._faults, self._contents)]
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            raise InputError(errors)
        return replace(knowledge, version=self._version(), warnings=tuple(problems))

    def _registers(self, root: Path) -> None:
        data = self._read_optional(root / GUIDELINES_FILE, "guidelines")
        if data is not None:
            shown = self._shown(root / GUIDELINES_FILE)
            self._take(build.guidelines(data), self._guidelines, Place(shown, ("guidelines",)), data["guidelines"])
        data = self._read_optional(root / CONDITIONS_FILE, "conditions")
        if data is not None:
            shown = self._shown(root / CONDITIONS_FILE)
            self._take(build.facts(data), self._facts, Place(shown, ("facts",)), data["facts"])
            self._take(
                build.conditions(data, shown), self._conditions, Place(shown, ("conditions",)), data["conditions"]
            )
        for path in _yaml_files(root / MIC_FOLDER):
            data = self._read(path, self._shown(path), "mic")
            if data is not None:
                shown = self._shown(path)
                self._take(build.clauses(data, shown), self._clauses, Place(shown, ("clauses",)), data["clauses"])
        for path in _yaml_files(root / CROSSWALK_FOLDER):
            data = self._read(path, self._shown(path), "crosswalk")
            if data is not None:
                self._crosswalks.append(build.crosswalk(data, self._shown(path)))
        for path in _vendor_files(root):
            data = self._read(path, self._shown(path), "vendor")
            if data is not None:
                self._vendor(data, self._shown(path))

    def _vendor(self, data: dict[str, Any], shown: str) -> None:
        vendor = build.vendor(data, shown)
        if vendor.id in self._vendors:
            other = self._vendors[vendor.id].place.file
            self._fault(Place(shown, ("vendor",)), f"vendor {vendor.id} is registered already, in {other}")
        self._vendors.setdefault(vendor.id, vendor)
        self._repeated(data["documents"], Place(shown, ("documents",)), "number")
        self._repeated(data["certifications"], Place(shown, ("certifications",)), "id")

    def _take(self, new: dict[str, Record], into: dict[str, Record], place: Place, items: list[dict[str, Any]]) -> None:
        """Add the records of a list to those of other files; an id that is there already is a fault."""
        self._repeated(items, place, "id", already=into)
        into.update({key: record for key, record in new.items() if key not in into})

    def _repeated(
        self, items: list[dict[str, Any]], place: Place, key: str, already: Container[str] = frozenset()
    ) -> None:
        seen: set[str] = set()
        for index, item in enumerate(items):
            if item[key] in seen or item[key] in already:
                self._fault(Place(place.file, (*place.path, index, key)), f"{item[key]!r} is given twice")
            seen.add(item[key])

    def _section_file(self, data: dict[str, Any], shown: str, folder: str) -> None:
        section = build.section(data)
        key = (section.guideline, section.id)
        place = Place(shown, ("section",))
        if section.guideline != folder:
            self._fault(Place(shown, ("guideline",)), f"{section.guideline!r} lies in the folder of {folder!r}")
        if Path(shown).stem != section.id:
            self._fault(place, f"section {section.id} lies in a file named {Path(shown).name}")
        known = self._sections.setdefault(key, section)
        self._section_places.setdefault(key, place)
        if known.title != section.title:
            other = self._section_places[key].file
            self._fault(place, f"section {section.id} has another title in {other}")
        for index, item in enumerate(data["controls"]):
            self._control(item, known, Place(shown, ("controls", index)))

    def _control(self, item: dict[str, Any], section: Section, place: Place) -> None:
        control_key = f"{section.guideline}:{item['id']}"
        known = self._controls.get(control_key)
        missing = [name for name in ("title", "level", "requirement") if item.get(name) is None]
        missing += [name for name in ("applies_if",) if name not in item]
        if known is None:
            if missing:
                self._fault(place, f"{', '.join(map(repr, missing))} of a control that is defined nowhere else")
                return
            self._controls[control_key] = build.control(item, section, place)
            return
        if known.place.file == place.file:
            self._fault(place, f"control {item['id']} is given twice")
            return
        if len(missing) < 4:
            repeated = build.control({**_defined(known), **item}, section, known.place)
            if replace(repeated, responses={}) != replace(known, responses={}):
                self._fault(place, f"control {item['id']} is defined differently in {known.place.file}")
        added = build.responses(item, place)
        for vendor, response in added.items():
            if vendor in known.responses:
                first = locate([Fault(known.responses[vendor].place, "")], self._contents)[0]
                self._fault(
                    response.place,
                    f"{item['id']} is answered for {vendor} already, at {first.file}:{first.line}",
                )
        self._controls[control_key] = replace(known, responses={**added, **known.responses})

    def _ordered(self) -> KnowledgeBase:
        order = {guideline: index for index, guideline in enumerate(self._guidelines)}

        def rank(guideline: str, identity: str) -> tuple[int, str, tuple[tuple[int, int, str], ...]]:
            return order.get(guideline, len(order)), guideline, natural_key(identity)

        controls = sorted(self._controls.values(), key=lambda control: rank(control.guideline, control.id))
        return KnowledgeBase(
            version="",
            guidelines=self._guidelines,
            sections=tuple(sorted(self._sections.values(), key=lambda section: rank(section.guideline, section.id))),
            controls={control.key: control for control in controls},
            clauses=self._clauses,
            facts=self._facts,
            conditions=self._conditions,
            vendors=self._vendors,
            crosswalks=tuple(self._crosswalks),
        )

    def _files(self, root: Path) -> Iterator[tuple[Path, str]]:
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            if folder.name not in {MIC_FOLDER, VENDORS_FOLDER, CROSSWALK_FOLDER} and not folder.name.startswith("."):
                for path in _yaml_files(folder):
                    yield path, self._shown(path)

    def _read_optional(self, path: Path, document_format: Format) -> dict[str, Any] | None:
        return self._read(path, self._shown(path), document_format) if path.exists() else None

    def _read(self, path: Path, shown: str, document_format: Format) -> dict[str, Any] | None:
        try:
            content = read_bytes(path, shown)
            self._contents[shown] = content
            data = parse_yaml(content, shown)
        except InputError as error:
            self._problems += error.problems
            return None
        problems = schema_problems(data, document_format, content, shown)
        self._problems += problems
        return None if problems else data

    def _fault(self, place: Place, message: str) -> None:
        self._faults.append(Fault(place, message))

    @staticmethod
    def _shown(path: Path) -> str:
        """The path as a user would type it from the current folder."""
        try:
            return str(path.resolve().relative_to(Path.cwd()))
        except ValueError:
            return str(path)

    def _version(self) -> str:
        digest = hashlib.sha256()
        for content in self._contents.values():
            digest.update(hashlib.sha256(content).digest())
        return f"{__version__}+{digest.hexdigest()[:8]}"


def _yaml_files(folder: Path) -> Iterable[Path]:
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")), key=lambda path: natural_key(path.name))


def _vendor_files(root: Path) -> list[Path]:
    """The registers of a root: its own `vendors/`, and for a whole knowledge base `evidence/vendors/` beside it."""
    found = list(_yaml_files(root / VENDORS_FOLDER))
    if (root / GUIDELINES_FILE).exists():
        beside = root.parent / "evidence" / VENDORS_FOLDER
        found += _yaml_files(beside if beside.is_dir() else evidence_dir() / VENDORS_FOLDER)
    return found


def _defined(control: Control) -> dict[str, Any]:
    """The defining keys of a control in the format's own shape, for an overlay that repeats only some of them."""
    mic = control.mic
    return {
        "id": control.id,
        "mark": control.mark,
        "title": control.title._asdict(),
        "level": control.level,
        "requirement": control.requirement,
        "points": [{"id": point.id, "text": point.text} for point in control.points],
        "applies_if": control.applies_if,
        "mic": None
        if mic is None
        else {
            "clauses": [{"id": cited.id, "class": cited.clause_class, "note": cited.note} for cited in mic.clauses],
            "agreements": list(mic.agreements),
        },
        "expected_evidence": list(control.expected_evidence),
        "note": control.note,
    }
