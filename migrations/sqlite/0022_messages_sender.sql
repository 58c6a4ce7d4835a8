DROP INDEX messages_key;
CREATE UNIQUE INDEX messages_key ON messages (sender_id, client_key) WHERE sender_id IS NOT NULL;
