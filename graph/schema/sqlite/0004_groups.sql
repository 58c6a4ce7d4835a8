-- Groups and who is in them.

CREATE TABLE graph_groups (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    -- The name without case and accents, for search.
    folded_name TEXT NOT NULL,
    description TEXT,
    visibility TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Grows by one with each edit.
    version BIGINT NOT NULL,
    members BIGINT NOT NULL DEFAULT 0,
    last_chatted_at BIGINT
) WITHOUT ROWID;

CREATE INDEX graph_groups_public ON graph_groups (folded_name, id) WHERE visibility = 'PUBLIC';

CREATE TABLE graph_members (
    group_id BLOB NOT NULL REFERENCES graph_groups (id) ON DELETE CASCADE,
    person BLOB NOT NULL REFERENCES graph_people (id),
    role TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (group_id, person)
) WITHOUT ROWID;

CREATE INDEX graph_members_by_person ON graph_members (person, group_id);

-- A group knows how many are in it, whoever comes or goes.
CREATE TRIGGER graph_members_come AFTER INSERT ON graph_members BEGIN
    UPDATE graph_groups SET members = members + 1 WHERE id = NEW.group_id;
END;

CREATE TRIGGER graph_members_go AFTER DELETE ON graph_members BEGIN
    UPDATE graph_groups SET members = members - 1 WHERE id = OLD.group_id;
END;

-- Which edits were made last, so that none is made twice.
CREATE TABLE graph_group_edits (
    group_id BLOB NOT NULL REFERENCES graph_groups (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    token BLOB NOT NULL,
    PRIMARY KEY (group_id, version)
) WITHOUT ROWID;
