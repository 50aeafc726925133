"""The store's tables (SQLAlchemy Core). The migrations in migrations/versions make exactly these, as a test shows."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, String, Table, Text

_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
}
METADATA: Final = MetaData(naming_convention=_NAMES)

# Times are ISO 8601 texts in UTC with microseconds: they sort, they are the same in both databases, and the hash chain
# covers them as they stand.
_MOMENT = String(32)

INSTITUTIONS: Final = Table(
    "institutions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("created_at", _MOMENT, nullable=False),
)

# A record is kept in parts, each of which changes on its own: `identity`, `integrator`, a `fact`, a `service`, an
# `answer`, a piece of `evidence`, an `attachment`, a `comment`. version: the number of the event that last changed it.
PARTS: Final = Table(
    "parts",
    METADATA,
    Column("institution", String(64), ForeignKey("institutions.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# Only ever added to. hash covers every other column; previous is the hash of the event before.
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", _MOMENT, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(32), nullable=False),
    Column("source", String(200), nullable=False),
    Column("institution", String(64), nullable=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("key", String(200), nullable=False),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

# One row: the last event. Whoever writes locks it first, so that events follow one another.
CHAIN: Final = Table(
    "chain",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

FILES: Final = Table(
    "files",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("stored_at", _MOMENT, nullable=False),
)

ANALYSES: Final = Table(
    "analyses",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("institution", String(64), ForeignKey("institutions.id"), nullable=False, index=True),
    Column("as_of", String(10), nullable=False),
    Column("knowledge_version", String(64), nullable=False),
    Column("made_at", _MOMENT, nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("document", Text, nullable=False),
)

# previous_password: the hash before the one in force, which may not come back.
ACCOUNTS: Final = Table(
    "accounts",
    METADATA,
    Column("login", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("email", String(254), nullable=True, index=True),
    Column("password", String(200), nullable=True),
    Column("previous_password", String(200), nullable=True),
    Column("must_change", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", _MOMENT, nullable=True),
    Column("created_at", _MOMENT, nullable=False),
)

ASSIGNMENTS: Final = Table(
    "assignments",
    METADATA,
    Column("login", String(100), ForeignKey("accounts.login"), primary_key=True),
    Column("institution", String(64), ForeignKey("institutions.id"), primary_key=True),
)

# token: the SHA-256 of what the browser holds.
SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("login", String(100), ForeignKey("accounts.login"), nullable=False, index=True),
    Column("begun_at", _MOMENT, nullable=False),
    Column("seen_at", _MOMENT, nullable=False),
    Column("ends_at", _MOMENT, nullable=False),
)

# What institutions and the secretariat do in a support programme, written by `items` alone. institution: empty for what
# is of the whole programme, so that it can be no foreign key. version: as that of a part.
PROGRAMME_ITEMS: Final = Table(
    "programme_items",
    METADATA,
    Column("programme", String(40), primary_key=True),
    Column("institution", String(64), primary_key=True, index=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(160), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# What an account is told in the app. link: where in the app it leads.
NOTIFICATIONS: Final = Table(
    "notifications",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("login", String(100), ForeignKey("accounts.login"), nullable=False, index=True),
    Column("at", _MOMENT, nullable=False),
    Column("programme", String(40), nullable=False),
    Column("institution", String(64), nullable=False),
    Column("step", String(40), nullable=True),
    Column("event", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("read_at", _MOMENT, nullable=True),
)

# Mails to be sent and sent. state: waiting, sending, sent, unsure (it may have gone out: a person decides), failed,
# let_be (so they decided). once: two mails with the same are one. login: the account it is for, None for none.
MAILS: Final = Table(
    "mails",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("created_at", _MOMENT, nullable=False),
    Column("login", String(100), nullable=True),
    Column("recipient", String(254), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("message_id", String(200), nullable=False, unique=True),
    Column("once", String(200), nullable=True, unique=True),
    Column("state", String(12), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("due_at", _MOMENT, nullable=False),
    Column("changed_at", _MOMENT, nullable=False),
    Column("error", Text, nullable=True),
)

# token: the SHA-256 of what the link in the mail holds.
RESETS: Final = Table(
    "resets",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("login", String(100), ForeignKey("accounts.login"), nullable=False, index=True),
    Column("made_at", _MOMENT, nullable=False),
    Column("ends_at", _MOMENT, nullable=False),
    Column("used_at", _MOMENT, nullable=True),
)
