"""What is done in support programmes, notifications, mails, links that reset a password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOMENT = sa.String(32)


def upgrade() -> None:
    """Add the tables; what a store holds already stays as it is."""
    op.create_table(
        "programme_items",
        sa.Column("programme", sa.String(40), primary_key=True),
        sa.Column("institution", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("key", sa.String(160), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_programme_items_institution", "programme_items", ["institution"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("login", sa.String(100), sa.ForeignKey("accounts.login"), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("programme", sa.String(40), nullable=False),
        sa.Column("institution", sa.String(64), nullable=False),
        sa.Column("step", sa.String(40), nullable=True),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("read_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_notifications_login", "notifications", ["login"])
    op.create_table(
        "mails",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("login", sa.String(100), nullable=True),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("once", sa.String(200), nullable=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.UniqueConstraint("message_id", name="uq_mails_message_id"),
        sa.UniqueConstraint("once", name="uq_mails_once"),
    )
    op.create_index("ix_mails_state", "mails", ["state"])
    op.create_table(
        "resets",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("login", sa.String(100), sa.ForeignKey("accounts.login"), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_resets_login", "resets", ["login"])
