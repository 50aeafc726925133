"""The database's schema, one step a version; Alembic runs them when a store is opened."""
