ALTER TABLE refresh_tokens ADD KEY refresh_tokens_issued (issued_at);
