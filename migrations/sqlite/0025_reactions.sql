CREATE TABLE reactions (
    message_pos BIGINT NOT NULL,
    emoji TEXT NOT NULL,
    user_id BLOB NOT NULL,
    pos BIGINT NOT NULL,
    PRIMARY KEY (message_pos, emoji, user_id)
) WITHOUT ROWID;
