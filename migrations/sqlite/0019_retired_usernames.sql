CREATE TABLE retired_usernames (
    username TEXT NOT NULL PRIMARY KEY,
    retired_at BIGINT NOT NULL
) WITHOUT ROWID;
