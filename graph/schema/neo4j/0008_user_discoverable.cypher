CREATE INDEX user_discoverable IF NOT EXISTS
FOR (person:User) ON (person.discoverable)
