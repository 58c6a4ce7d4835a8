CREATE TABLE message_words (
    rowid BIGINT NOT NULL PRIMARY KEY,
    words MEDIUMTEXT NOT NULL,
    FULLTEXT KEY message_words_words (words)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
