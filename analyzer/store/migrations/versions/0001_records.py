"""Records, their audit trail, files, analyses, accounts and sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MOMENT = sa.String(32)


def upgrade() -> None:
    """Make every table, and the head of the empty trail."""
    op.create_table(
        "institutions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "parts",
        sa.Column("institution", sa.String(64), sa.ForeignKey("institutions.id"), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("institution", sa.String(64), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("before", sa.Text, nullable=True),
        sa.Column("after", sa.Text, nullable=True),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_events_institution", "events", ["institution"])
    chain = op.create_table(
        "chain",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(chain, [{"id": 1, "number": 0, "hash": "0" * 64}])
    op.create_table(
        "files",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("stored_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "analyses",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("institution", sa.String(64), sa.ForeignKey("institutions.id"), nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("knowledge_version", sa.String(64), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_analyses_institution", "analyses", ["institution"])
    op.create_table(
        "accounts",
        sa.Column("login", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("password", sa.String(200), nullable=True),
        sa.Column("previous_password", sa.String(200), nullable=True),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_accounts_email", "accounts", ["email"])
    op.create_table(
        "assignments",
        sa.Column("login", sa.String(100), sa.ForeignKey("accounts.login"), primary_key=True),
        sa.Column("institution", sa.String(64), sa.ForeignKey("institutions.id"), primary_key=True),
    )
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("login", sa.String(100), sa.ForeignKey("accounts.login"), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_sessions_login", "sessions", ["login"])
