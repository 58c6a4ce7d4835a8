CREATE INDEX user_folded_name IF NOT EXISTS
FOR (person:User) ON (person.foldedName)
