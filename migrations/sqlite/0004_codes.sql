CREATE TABLE codes (
    account_id BLOB NOT NULL,
    purpose SMALLINT NOT NULL,
    hash BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    tries_left SMALLINT NOT NULL,
    PRIMARY KEY (account_id, purpose)
) WITHOUT ROWID;
