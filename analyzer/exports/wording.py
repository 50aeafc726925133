"""What every screen and file calls a thing that is no word of a closed set."""

from __future__ import annotations

from typing import Final

from analyzer.knowledge.base import KnowledgeBase

CARRIED_OVER: Final = "引継ぎ・要再確認"
"""An answer taken over from an earlier assessment and not looked at again yet."""


def service_name(vendor: str | None, knowledge: KnowledgeBase) -> str:
    """What people call a vendor's service: its id where it has no register; None stands for no service in use."""
    if vendor is None:
        return "利用するサービスの登録なし"
    known = knowledge.vendors.get(vendor)
    return known.name.ja if known else vendor
