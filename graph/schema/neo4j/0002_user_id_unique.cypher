CREATE CONSTRAINT user_id_unique IF NOT EXISTS
FOR (person:User) REQUIRE person.id IS UNIQUE
