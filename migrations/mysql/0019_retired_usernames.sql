CREATE TABLE retired_usernames (
    username VARCHAR(32) NOT NULL PRIMARY KEY,
    retired_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
