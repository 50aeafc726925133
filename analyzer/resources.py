"""Where the data that ships with Sansho lies: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "_data"


def data_root() -> Path:
    """The folder that holds `controls/`, `evidence/` and `reports/`."""
    return _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent


def controls_dir() -> Path:
    """The shipped `controls/` folder."""
    return data_root() / "controls"


def evidence_dir() -> Path:
    """The shipped `evidence/` folder (vendor registers, sample institutions)."""
    return data_root() / "evidence"


def programmes_dir() -> Path:
    """The shipped support programmes, one file each."""
    return evidence_dir() / "programmes"


def templates_dir() -> Path:
    """Jinja2 and Typst templates and styles of the reports."""
    return data_root() / "reports"


def app_file() -> Path:
    """The script of the web app; its settings lie beside it in `.streamlit/`."""
    return data_root() / "app.py"


def schema_dir() -> Path:
    """JSON Schemas of every YAML format."""
    return _PACKAGE / "schema"


def rules_dir() -> Path:
    """Decision tables, policy figures, actions and terms."""
    return _PACKAGE / "rules"


def sample_institutions() -> dict[str, Path]:
    """The shipped sample institutions' files by id, which is the file's name without its ending."""
    folder = evidence_dir() / "institutions"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
