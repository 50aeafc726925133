"""How Alembic runs the steps: on the connection, and in the transaction, that `Database` hands over."""

from __future__ import annotations

from alembic import context

from analyzer.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
