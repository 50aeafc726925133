"""The Japanese font that PDFs embed, the same on every machine: IPAexGothic, from the package matplotlib-fontja."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from analyzer.errors import SanshoError

FONT_FAMILY = "IPAexGothic"
_PACKAGE = "matplotlib_fontja"


@cache
def print_font_folder() -> Path:
    """The folder with the font. Raises SanshoError where the package is not installed."""
    # Importing the package would import matplotlib; where it lies is enough.
    spec = find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "fonts"
        if (folder / "ipaexg.ttf").is_file():
            return folder
    raise SanshoError("the Japanese font for PDFs is missing: install the package matplotlib-fontja")


@cache
def print_characters() -> frozenset[int]:
    """The code points that the font can draw."""
    with TTFont(print_font_folder() / "ipaexg.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())
