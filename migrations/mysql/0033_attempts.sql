CREATE TABLE attempts (
    hash BINARY(32) NOT NULL PRIMARY KEY,
    times BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    KEY attempts_end (ends_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
