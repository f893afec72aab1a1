-- Every row is what is looked up by, plus a body in JSON, plus the body's schema.
-- `version` counts the changes of a row; every write names the one that it read.
-- Times are microseconds since 1970.

CREATE TABLE executions (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    user_email TEXT NOT NULL,
    lock_name TEXT,
    status TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX executions_by_user ON executions (user_email, id);
CREATE INDEX executions_by_lock ON executions (lock_name, id) WHERE lock_name IS NOT NULL;
CREATE INDEX executions_by_status ON executions (status, id);
CREATE INDEX executions_by_user_and_status ON executions (user_email, status, id);
CREATE INDEX executions_by_lock_and_status ON executions (lock_name, status, id) WHERE lock_name IS NOT NULL;
CREATE INDEX executions_open ON executions (id) WHERE is_open = 1;

CREATE TABLE locks (
    name TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE waiters (
    lock_name TEXT NOT NULL,
    execution TEXT NOT NULL,
    version BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lock_name, execution)
);

CREATE TABLE log_heads (
    execution TEXT NOT NULL PRIMARY KEY,
    next_seq BIGINT NOT NULL,
    session TEXT,
    is_closed INTEGER NOT NULL,
    last_seen BIGINT
);

CREATE TABLE log_chunks (
    execution TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    entries BLOB NOT NULL
);

-- Covers the planning of a read, which must not touch the entries themselves.
CREATE UNIQUE INDEX log_chunks_in_order ON log_chunks (execution, last_seq, first_seq, bytes);

CREATE TABLE users (
    email TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE api_keys (
    hash TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE key_uses (
    hash TEXT NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL
);

CREATE TABLE claims (
    token TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE idempotency (
    user_email TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (user_email, idempotency_key)
);

CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    principal_user TEXT,
    target_user TEXT,
    execution TEXT,
    schema INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_principal ON audit (principal_user, id) WHERE principal_user IS NOT NULL;
CREATE INDEX audit_by_target ON audit (target_user, id) WHERE target_user IS NOT NULL;
CREATE INDEX audit_by_execution ON audit (execution, id) WHERE execution IS NOT NULL;
