MATCH (viewer:User {id: $viewer})
WITH viewer, COLLECT { MATCH (viewer)-[:FRIENDS_WITH|BLOCKED]-(person) RETURN person } AS others
CALL (viewer) {
  MATCH (viewer)-[:FRIENDS_WITH]-()-[:FRIENDS_WITH]-(person)
  RETURN DISTINCT person
}
WITH person, others
WHERE NOT person IN others
  AND (person.username STARTS WITH $prefix OR person.foldedName STARTS WITH $prefix)
  AND (person.username > $name OR (person.username = $name AND person.id > $id))
  AND coalesce(person.discoverable, true)
WITH person
ORDER BY person.username, person.id
LIMIT $limit
RETURN [
  [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
  person.username
] AS answer
