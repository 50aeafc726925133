"""What the app is started with. `sansho app` puts it into the environment, since Streamlit runs app.py by itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from analyzer.resources import evidence_dir, programmes_dir

_ROOTS, _INSTITUTIONS = "SANSHO_CONTROLS", "SANSHO_INSTITUTIONS"
_STORE, _FILES, _ACCOUNTS = "SANSHO_STORE", "SANSHO_FILES", "SANSHO_ACCOUNTS"
_PORTFOLIO, _PROGRAMMES = "SANSHO_PORTFOLIO", "SANSHO_PROGRAMMES"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """roots: further folders of controls. institutions: the folder of institution files.

    store: where the store lies, None where the app only shows the files. files: the folder of uploaded evidence, None
    for the one beside the database. accounts: whether people have to log in. portfolio: the folder of a finished run of
    `sansho portfolio`. programmes: the folder of support programmes, None for the shipped one.
    """

    roots: tuple[Path, ...]
    institutions: Path
    store: str | None = None
    files: Path | None = None
    accounts: bool = False
    portfolio: Path | None = None
    programmes: Path | None = None

    @classmethod
    def from_environment(cls) -> AppSettings:
        """The settings in force; without any the shipped knowledge base and samples."""
        roots = os.environ.get(_ROOTS, "")
        institutions = os.environ.get(_INSTITUTIONS)
        return cls(
            roots=tuple(Path(root) for root in roots.split(os.pathsep) if root),
            institutions=Path(institutions) if institutions else evidence_dir() / "institutions",
            store=os.environ.get(_STORE) or None,
            files=Path(files) if (files := os.environ.get(_FILES)) else None,
            accounts=os.environ.get(_ACCOUNTS) == "required",
            portfolio=Path(run) if (run := os.environ.get(_PORTFOLIO)) else None,
            programmes=Path(programmes) if (programmes := os.environ.get(_PROGRAMMES)) else None,
        )

    @property
    def programme_folder(self) -> Path:
        """The folder of support programmes in force."""
        return self.programmes or programmes_dir()


def environment_of(settings: AppSettings) -> dict[str, str]:
    """The environment variables that say the same to the app; an empty one stands for what is not set."""
    return {
        _ROOTS: os.pathsep.join(str(root) for root in settings.roots),
        _INSTITUTIONS: str(settings.institutions),
        _STORE: settings.store or "",
        _FILES: str(settings.files) if settings.files else "",
        _ACCOUNTS: "required" if settings.accounts else "",
        _PORTFOLIO: str(settings.portfolio) if settings.portfolio else "",
        _PROGRAMMES: str(settings.programmes) if settings.programmes else "",
    }
