CREATE TABLE conversations (
    id BINARY(16) NOT NULL PRIMARY KEY,
    low_user_id BINARY(16) NULL,
    high_user_id BINARY(16) NULL,
    last_seq BIGINT NOT NULL,
    last_pos BIGINT NOT NULL,
    last_at BIGINT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE KEY conversations_pair (low_user_id, high_user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
