CREATE TABLE jobs (
    id BLOB NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    task TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_subject ON jobs (subject, id);
CREATE INDEX jobs_run_at ON jobs (run_at);
