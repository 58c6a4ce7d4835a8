-- What people decided about others, and finding people by their names.

-- Spelled as in the API. NULL is what was never decided.
ALTER TABLE graph_people ADD COLUMN messages_from TEXT;
ALTER TABLE graph_people ADD COLUMN presence_to TEXT;
ALTER TABLE graph_people ADD COLUMN read_receipts SMALLINT;
ALTER TABLE graph_people ADD COLUMN discoverable SMALLINT;

-- The directory is read in the order of these, and counted without the people themselves.
DROP INDEX graph_people_by_username;
CREATE INDEX graph_people_by_username ON graph_people (username, id, discoverable);
CREATE INDEX graph_people_by_folded_name
    ON graph_people (folded_name, id, username, discoverable);
