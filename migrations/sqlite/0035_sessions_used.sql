CREATE INDEX sessions_used ON sessions (last_used_at);
