CREATE TABLE memberships (
    user_id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    joined_pos BIGINT NOT NULL,
    joined_seq BIGINT NOT NULL,
    left_pos BIGINT NULL,
    role TEXT NULL,
    PRIMARY KEY (user_id, conversation_id, joined_pos)
) WITHOUT ROWID;
CREATE INDEX memberships_conversation ON memberships (conversation_id, left_pos);
