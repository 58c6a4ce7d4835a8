CREATE TABLE log (
    pos BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    conversation_id BINARY(16) NULL,
    user_id BINARY(16) NULL,
    kind VARCHAR(32) NOT NULL,
    payload TEXT NOT NULL,
    KEY log_conversation (conversation_id, pos),
    KEY log_user (user_id, pos)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
