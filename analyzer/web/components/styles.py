"""The stylesheets: the one of our fragments and components, and the few rules for Streamlit's own elements."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from analyzer.resources import templates_dir


@cache
def page_css() -> str:
    """The rules for Streamlit's own elements."""
    return _style("streamlit.css")


@cache
def app_css() -> str:
    """The stylesheets of the app's fragments and components: every reports/styles/app*.css."""
    files = sorted((templates_dir() / "styles").glob("app*.css"))
    return "\n".join(_style(path.name) for path in files)


def script(name: str) -> str:
    """The JavaScript of a component of this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _style(name: str) -> str:
    return (templates_dir() / "styles" / name).read_text(encoding="utf-8")
