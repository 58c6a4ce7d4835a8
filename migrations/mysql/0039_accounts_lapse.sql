ALTER TABLE accounts
    ADD COLUMN lapses_at BIGINT NULL,
    ADD KEY accounts_lapse (lapses_at);
