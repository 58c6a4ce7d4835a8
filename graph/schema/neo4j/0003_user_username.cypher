// Not unique: that is for the accounts to guarantee.
CREATE INDEX user_username IF NOT EXISTS
FOR (person:User) ON (person.username)
