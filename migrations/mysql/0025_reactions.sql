CREATE TABLE reactions (
    message_pos BIGINT NOT NULL,
    emoji VARCHAR(64) NOT NULL,
    user_id BINARY(16) NOT NULL,
    pos BIGINT NOT NULL,
    PRIMARY KEY (message_pos, emoji, user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
