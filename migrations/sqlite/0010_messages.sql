CREATE TABLE messages (
    pos INTEGER NOT NULL PRIMARY KEY,
    id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    sender_id BLOB NULL,
    client_key BLOB NULL,
    body TEXT NULL,
    sent_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_seq ON messages (conversation_id, seq);
CREATE UNIQUE INDEX messages_key ON messages (sender_id, client_key) WHERE client_key IS NOT NULL;
