-- People can be taken out. Whoever goes is looked for wherever a foreign key
-- points to people, so each needs an index; where a row has a twin the other
-- way round, the twin's key already says that both are there.

CREATE TABLE graph_friends_anew (
    person BLOB NOT NULL REFERENCES graph_people (id),
    friend BLOB NOT NULL,
    -- The friend's, which never changes.
    username TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (person, friend),
    CHECK (person <> friend)
) WITHOUT ROWID;

INSERT INTO graph_friends_anew (person, friend, username, since)
SELECT f.person, f.friend, p.username, f.since
FROM graph_friends f JOIN graph_people p ON p.id = f.friend;

DROP TABLE graph_friends;
ALTER TABLE graph_friends_anew RENAME TO graph_friends;

-- A page of friends is read in their order.
CREATE INDEX graph_friends_by_username ON graph_friends (person, username, friend);

CREATE TABLE graph_last_chatted_anew (
    person BLOB NOT NULL REFERENCES graph_people (id),
    other BLOB NOT NULL,
    conversation BLOB NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person, other),
    CHECK (person <> other)
) WITHOUT ROWID;

INSERT INTO graph_last_chatted_anew (person, other, conversation, at)
SELECT person, other, conversation, at FROM graph_last_chatted;

DROP TABLE graph_last_chatted;
ALTER TABLE graph_last_chatted_anew RENAME TO graph_last_chatted;

CREATE INDEX graph_last_chatted_by_time ON graph_last_chatted (person, at, other);

CREATE INDEX graph_blocks_incoming ON graph_blocks (blocked, blocker);
