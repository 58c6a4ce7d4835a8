CREATE TABLE log (
    pos INTEGER NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    conversation_id BLOB NULL,
    user_id BLOB NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX log_conversation ON log (conversation_id, pos) WHERE conversation_id IS NOT NULL;
CREATE INDEX log_user ON log (user_id, pos) WHERE user_id IS NOT NULL;
