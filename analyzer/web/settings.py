"""What the app is started with. `sansho app` puts it into the environment, since Streamlit runs app.py by itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzer.resources import evidence_dir

_ROOTS, _INSTITUTIONS = "SANSHO_CONTROLS", "SANSHO_INSTITUTIONS"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """roots: further folders of controls. institutions: the folder of institution files."""

    roots: tuple[Path, ...]
    institutions: Path

    @classmethod
    def from_environment(cls) -> AppSettings:
        """The settings in force; without any the shipped knowledge base and samples."""
        roots = os.environ.get(_ROOTS, "")
        institutions = os.environ.get(_INSTITUTIONS)
        return cls(
            roots=tuple(Path(root) for root in roots.split(os.pathsep) if root),
            institutions=Path(institutions) if institutions else evidence_dir() / "institutions",
        )


def environment_of(roots: Sequence[Path], institutions: Path | None) -> dict[str, str]:
    """The environment variables that say the same to the app."""
    said = {_ROOTS: os.pathsep.join(str(root) for root in roots)} if roots else {}
    if institutions is not None:
        said[_INSTITUTIONS] = str(institutions)
    return said
