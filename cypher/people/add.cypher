MERGE (person:User {id: $person.id})
ON CREATE SET person = $person
