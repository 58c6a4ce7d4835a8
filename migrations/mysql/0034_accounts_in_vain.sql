ALTER TABLE accounts
    ADD COLUMN wanted_email VARCHAR(254) NULL,
    ADD KEY accounts_wanted (wanted_email);
