// The bound is written into the pattern by the caller: Cypher takes no parameter there.
MATCH (viewer:User {id: $viewer})
UNWIND $others AS id
MATCH (other:User {id: id})
WHERE NOT EXISTS { (viewer)-[:BLOCKED]-(other) }
MATCH path = shortestPath((viewer)-[:FRIENDS_WITH*..6]-(other))
RETURN [person IN nodes(path) | person.id] AS path
