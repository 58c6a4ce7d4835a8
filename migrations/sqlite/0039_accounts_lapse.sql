ALTER TABLE accounts ADD COLUMN lapses_at BIGINT NULL;
CREATE INDEX accounts_lapse ON accounts (lapses_at) WHERE lapses_at IS NOT NULL;
