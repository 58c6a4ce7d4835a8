CREATE TABLE attempts (
    hash BLOB NOT NULL PRIMARY KEY,
    times BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX attempts_end ON attempts (ends_at);
