CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    device TEXT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ended_at BIGINT NULL
);
CREATE INDEX sessions_account ON sessions (account_id, ended_at);
CREATE INDEX sessions_ended ON sessions (ended_at);
