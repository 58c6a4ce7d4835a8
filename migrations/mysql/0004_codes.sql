CREATE TABLE codes (
    account_id BINARY(16) NOT NULL,
    purpose SMALLINT NOT NULL,
    hash BINARY(32) NOT NULL,
    expires_at BIGINT NOT NULL,
    tries_left SMALLINT NOT NULL,
    PRIMARY KEY (account_id, purpose)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
