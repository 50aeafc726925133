"""The app without a browser: Streamlit's AppTest on app.py, a page and its address chosen by the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamlit.testing.v1 import AppTest

from analyzer.resources import app_file


def open_page(path: str, query: Mapping[str, str | list[str]] | None = None) -> AppTest:
    """The app as it stands after opening an address; the page is reached as by a link inside the app."""
    app = AppTest.from_file(str(app_file()), default_timeout=60)
    if path:
        parameters = {name: [value] if isinstance(value, str) else value for name, value in (query or {}).items()}
        app.session_state["_going_to"] = (path, parameters)
    else:
        for name, value in (query or {}).items():
            app.query_params[name] = value
    return app.run()


def panels(app: AppTest) -> str:
    """The HTML of every panel on the page."""
    return "\n".join(data["html"] for data in _component_data(app) if "html" in data)


def tables(app: AppTest) -> list[dict[str, Any]]:
    """The data of every table on the page."""
    return [data for data in _component_data(app) if "rows" in data]


def facets(app: AppTest) -> dict[str, dict[str, tuple[int, bool]]]:
    """For every group of filters and every choice: its count, and whether it is ticked."""
    return {
        group["id"]: {choice["id"]: (choice["count"], choice["chosen"]) for choice in group["choices"]}
        for data in _component_data(app)
        for group in data.get("groups", ())
    }


def said(app: AppTest) -> str:
    """Everything the page says in Streamlit's own elements."""
    spoken = [*app.title, *app.markdown, *app.warning, *app.info, *app.error, *app.caption]
    return "\n".join(str(element.value) for element in spoken)


def _component_data(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(element.proto.json) for element in app.get("bidi_component")]
