CREATE TABLE members (
    user_id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    joined_seq BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation_id)
) WITHOUT ROWID;
CREATE INDEX members_conversation ON members (conversation_id);
