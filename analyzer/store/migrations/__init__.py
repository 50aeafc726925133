"""The database's schema, one step a version; Alembic runs them when a store is opened."""

from __future__ import annotations

from typing import Final

HEAD: Final = "0002"
"""The latest step; a test holds it to what Alembic finds."""
