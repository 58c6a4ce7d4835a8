// The bound is written into the pattern by the caller: Cypher takes no parameter there.
UNWIND $asked AS asked
MATCH (viewer:User {id: asked.viewer})
WITH asked, viewer, COLLECT { MATCH (viewer)-[:BLOCKED]-(person) RETURN person } AS blocked
MATCH (other:User {id: asked.other})
WHERE NOT other IN blocked
MATCH path = shortestPath((viewer)-[:FRIENDS_WITH*..6]-(other))
WHERE none(person IN nodes(path) WHERE person IN blocked)
RETURN asked.place AS place, [person IN nodes(path) | person.id] AS answer
