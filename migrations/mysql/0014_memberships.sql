CREATE TABLE memberships (
    user_id BINARY(16) NOT NULL,
    conversation_id BINARY(16) NOT NULL,
    joined_pos BIGINT NOT NULL,
    joined_seq BIGINT NOT NULL,
    left_pos BIGINT NULL,
    role VARCHAR(16) NULL,
    PRIMARY KEY (user_id, conversation_id, joined_pos),
    KEY memberships_conversation (conversation_id, left_pos)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
