-- The graph in tables. Ids are the 16 bytes of a UUID, times microseconds.
-- Each table is clustered by the person from whom its questions start.

CREATE TABLE graph_people (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    username TEXT NOT NULL,
    display_name TEXT NOT NULL,
    -- The display name without case and accents, for search.
    folded_name TEXT NOT NULL,
    bio TEXT,
    avatar_url TEXT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

-- Not unique: that is for the accounts to guarantee.
CREATE INDEX graph_people_by_username ON graph_people (username);

-- Two rows a friendship, so that the friends of one person lie together.
CREATE TABLE graph_friends (
    person BLOB NOT NULL REFERENCES graph_people (id),
    friend BLOB NOT NULL REFERENCES graph_people (id),
    since BIGINT NOT NULL,
    PRIMARY KEY (person, friend),
    CHECK (person <> friend)
) WITHOUT ROWID;

CREATE TABLE graph_requests (
    sender BLOB NOT NULL REFERENCES graph_people (id),
    receiver BLOB NOT NULL REFERENCES graph_people (id),
    note TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (sender, receiver),
    CHECK (sender <> receiver)
) WITHOUT ROWID;

CREATE INDEX graph_requests_incoming ON graph_requests (receiver, at, sender);
CREATE INDEX graph_requests_outgoing ON graph_requests (sender, at, receiver);

CREATE TABLE graph_blocks (
    blocker BLOB NOT NULL REFERENCES graph_people (id),
    blocked BLOB NOT NULL REFERENCES graph_people (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (blocker, blocked),
    CHECK (blocker <> blocked)
) WITHOUT ROWID;

CREATE INDEX graph_blocks_by_time ON graph_blocks (blocker, at, blocked);

-- Two rows for two people who chatted, as for friends.
CREATE TABLE graph_last_chatted (
    person BLOB NOT NULL REFERENCES graph_people (id),
    other BLOB NOT NULL REFERENCES graph_people (id),
    conversation BLOB NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person, other),
    CHECK (person <> other)
) WITHOUT ROWID;

CREATE INDEX graph_last_chatted_by_time ON graph_last_chatted (person, at, other);
