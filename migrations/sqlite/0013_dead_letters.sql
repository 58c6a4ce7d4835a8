CREATE TABLE dead_letters (
    id BLOB NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    task TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    died_at BIGINT NOT NULL
) WITHOUT ROWID;
