CREATE TABLE refresh_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL,
    issued_at BIGINT NOT NULL,
    traded_at BIGINT NULL
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
