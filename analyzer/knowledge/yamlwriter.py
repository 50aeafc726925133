"""Plain data out as YAML that `yamlreader` reads back as the same data."""

from __future__ import annotations

from typing import Any

import yaml

from analyzer.knowledge.schemas import Format, schema_of
from analyzer.knowledge.yamlreader import reads_as_text


def write_document(data: Any, document_format: Format) -> bytes:
    """A document of a format in UTF-8, Japanese as it is, keys in the order of the format's schema."""
    schema = schema_of(document_format)
    ordered = _ordered(data, schema, schema)
    return yaml.dump(ordered, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120, encoding="utf-8")


def _ordered(data: Any, schema: dict[str, Any], whole: dict[str, Any]) -> Any:
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/"):
        schema = whole["$defs"][reference.removeprefix("#/$defs/")]
    if isinstance(data, list):
        return [_ordered(item, schema.get("items", {}), whole) for item in data]
    if isinstance(data, dict):
        known = schema.get("properties", {})
        names = [*(name for name in known if name in data), *(name for name in data if name not in known)]
        return {name: _ordered(data[name], known.get(name, {}), whole) for name in names}
    return data


class _Dumper(yaml.SafeDumper):
    """PyYAML writes what YAML 1.1 takes for text without quotes (`08`, `1e5`); the reader follows YAML 1.2."""

    def ignore_aliases(self, _data: Any) -> bool:
        """No anchors: the reader refuses them."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if value and reads_as_text(value) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
