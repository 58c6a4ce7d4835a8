ALTER TABLE accounts ADD COLUMN wanted_email TEXT NULL;
CREATE INDEX accounts_wanted ON accounts (wanted_email) WHERE wanted_email IS NOT NULL;
