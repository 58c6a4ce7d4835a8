CREATE TABLE messages (
    pos BIGINT NOT NULL PRIMARY KEY,
    id BINARY(16) NOT NULL,
    conversation_id BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    sender_id BINARY(16) NULL,
    client_key VARBINARY(512) NULL,
    body TEXT NULL,
    sent_at BIGINT NOT NULL,
    UNIQUE KEY messages_id (id),
    UNIQUE KEY messages_seq (conversation_id, seq),
    UNIQUE KEY messages_key (sender_id, client_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
