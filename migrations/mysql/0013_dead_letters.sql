CREATE TABLE dead_letters (
    id BINARY(16) NOT NULL PRIMARY KEY,
    subject VARCHAR(128) NOT NULL,
    task TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts INT NOT NULL,
    last_error TEXT NOT NULL,
    died_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
