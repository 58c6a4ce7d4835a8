ALTER TABLE sessions ADD KEY sessions_used (last_used_at);
