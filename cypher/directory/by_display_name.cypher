// Read in the order of the index, until there are enough.
OPTIONAL MATCH (viewer:User {id: $viewer})
WITH
  COLLECT { MATCH (viewer)-[:FRIENDS_WITH*0..2]-(person) RETURN DISTINCT person }
  + COLLECT { MATCH (viewer)-[:BLOCKED]-(person) RETURN person } AS others
CALL (others) {
  MATCH (person:User)
  WHERE person.foldedName >= $name AND person.foldedName < $to
    AND (person.foldedName > $name OR person.id > $id)
    AND NOT person.username STARTS WITH $prefix
    AND NOT person IN others
    AND coalesce(person.discoverable, true)
  WITH person
  ORDER BY person.foldedName, person.id
  LIMIT $limit
  RETURN [
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    person.foldedName
  ] AS answer
}
RETURN answer
