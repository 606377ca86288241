"""The tables of the chat-bot platform, and every statement that its application runs.

Kept lean: a connection parses the whole schema when it first reads, which is in every cycle.
All foreign keys are indexed on the child's side, so deleting a parent never scans a table.

Children that hold a row back (RESTRICT) and that no unique constraint keeps from being copied:
users by messages, bots and integrations by conversations, conversations and messages by messages,
tags by bot_tags. Triggers write to audit_log only after an INSERT of api_tokens or an UPDATE of
users.role or bots.status, and take the time from the row: the same statements, the same rows.
"""

from __future__ import annotations

PAGE_SIZE_BYTES = 4096
USER_VERSION = 7
APPLICATION_ID = 0x43424F54  # "CBOT"

TABLES = (
    "users",
    "api_tokens",
    "bots",
    "integrations",
    "tags",
    "bot_tags",
    "conversations",
    "messages",
    "audit_log",
)

CHANNELS = ("web", "slack", "telegram", "whatsapp", "email", "teams")

# What a token may do, as api_tokens.scopes holds it: words between single spaces.
READ_SCOPES = "users:read bots:read integrations:read"
ALL_SCOPES = f"{READ_SCOPES} " + " ".join(
    f"{table}:{right}"
    for table in ("users", "bots", "integrations")
    for right in ("write", "delete")
)

SCHEMA = """
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  locale TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE TABLE api_tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token TEXT NOT NULL UNIQUE,
  label TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
);
CREATE INDEX api_tokens_user ON api_tokens (user_id);
CREATE TABLE bots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft', 'live', 'paused')),
  is_default INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (user_id, name)
);
CREATE UNIQUE INDEX bots_default ON bots (user_id) WHERE is_default = 1;
CREATE TABLE integrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  bot_id INTEGER NOT NULL REFERENCES bots (id) ON DELETE RESTRICT,
  channel TEXT NOT NULL,
  config TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (bot_id, channel)
);
CREATE TABLE tags (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  colour TEXT NOT NULL
);
CREATE TABLE bot_tags (
  bot_id INTEGER NOT NULL REFERENCES bots (id) ON DELETE CASCADE,
  tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE RESTRICT,
  PRIMARY KEY (bot_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX bot_tags_tag ON bot_tags (tag_id);
CREATE TABLE conversations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  bot_id INTEGER NOT NULL REFERENCES bots (id) ON DELETE RESTRICT,
  integration_id INTEGER REFERENCES integrations (id) ON DELETE RESTRICT,
  visitor TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  closed_at INTEGER
);
CREATE INDEX conversations_bot ON conversations (bot_id);
CREATE INDEX conversations_integration ON conversations (integration_id)
  WHERE integration_id IS NOT NULL;
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE RESTRICT,
  author_id INTEGER REFERENCES users (id) ON DELETE RESTRICT,
  reply_to INTEGER REFERENCES messages (id) ON DELETE RESTRICT,
  body TEXT NOT NULL,
  sent_at INTEGER NOT NULL
);
CREATE INDEX messages_conversation ON messages (conversation_id);
CREATE INDEX messages_author ON messages (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX messages_reply ON messages (reply_to) WHERE reply_to IS NOT NULL;
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  entity TEXT NOT NULL,
  entity_id INTEGER NOT NULL,
  change TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE TRIGGER api_tokens_audit AFTER INSERT ON api_tokens BEGIN
  INSERT INTO audit_log (entity, entity_id, change, at)
  VALUES ('api_tokens', NEW.id, 'issued ' || NEW.label, NEW.created_at);
END;
CREATE TRIGGER users_audit AFTER UPDATE OF role ON users BEGIN
  INSERT INTO audit_log (entity, entity_id, change, at)
  VALUES ('users', NEW.id, OLD.role || ' to ' || NEW.role, NEW.updated_at);
END;
CREATE TRIGGER bots_audit AFTER UPDATE OF status ON bots BEGIN
  INSERT INTO audit_log (entity, entity_id, change, at)
  VALUES ('bots', NEW.id, OLD.status || ' to ' || NEW.status, NEW.updated_at);
END;
"""

ADD_USER = (
    "INSERT INTO users (email, name, role, locale, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
ADD_TOKEN = (
    "INSERT INTO api_tokens (user_id, token, label, scopes, created_at)"  # noqa: S105 - SQL
    " VALUES (?, ?, ?, ?, ?)"
)
ADD_BOT = (
    "INSERT INTO bots (user_id, name, description, status, is_default, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
ADD_INTEGRATION = (
    "INSERT INTO integrations (bot_id, channel, config, created_at) VALUES (?, ?, ?, ?)"
)
ADD_TAG = "INSERT INTO tags (name, colour) VALUES (?, ?)"
ADD_BOT_TAG = "INSERT INTO bot_tags (bot_id, tag_id) VALUES (?, ?)"
ADD_CONVERSATION = (
    "INSERT INTO conversations (bot_id, integration_id, visitor, started_at) VALUES (?, ?, ?, ?)"
)
ADD_MESSAGE = (
    "INSERT INTO messages (conversation_id, author_id, reply_to, body, sent_at)"
    " VALUES (?, ?, ?, ?, ?)"
)
SET_BOT_STATUS = "UPDATE bots SET status = ?, updated_at = ? WHERE id = ?"
SET_USER_ROLE = "UPDATE users SET role = ?, updated_at = ? WHERE id = ?"
CLOSE_CONVERSATION = "UPDATE conversations SET closed_at = ? WHERE id = ?"
