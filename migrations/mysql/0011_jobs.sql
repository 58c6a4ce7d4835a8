CREATE TABLE jobs (
    id BINARY(16) NOT NULL PRIMARY KEY,
    subject VARCHAR(128) NOT NULL,
    task TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts INT NOT NULL,
    last_error TEXT NULL,
    KEY jobs_subject (subject, id),
    KEY jobs_run_at (run_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
