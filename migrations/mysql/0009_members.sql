CREATE TABLE members (
    user_id BINARY(16) NOT NULL,
    conversation_id BINARY(16) NOT NULL,
    joined_seq BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation_id),
    KEY members_conversation (conversation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
