CREATE TABLE conversations (
    id BLOB NOT NULL PRIMARY KEY,
    low_user_id BLOB NULL,
    high_user_id BLOB NULL,
    last_seq BIGINT NOT NULL,
    last_pos BIGINT NOT NULL,
    last_at BIGINT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX conversations_pair ON conversations (low_user_id, high_user_id);
