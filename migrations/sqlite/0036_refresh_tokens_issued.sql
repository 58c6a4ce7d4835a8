CREATE INDEX refresh_tokens_issued ON refresh_tokens (issued_at);
