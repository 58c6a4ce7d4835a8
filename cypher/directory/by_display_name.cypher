// Read in the order of the index, until there are enough. It is named, and nothing else compares
// names, since it orders some otherwise than Cypher.
OPTIONAL MATCH (viewer:User {id: $viewer})
WITH
  COLLECT { MATCH (viewer)-[:FRIENDS_WITH*0..2]-(person) RETURN DISTINCT person }
  + COLLECT { MATCH (viewer)-[:BLOCKED]-(person) RETURN person } AS others
CALL (others) {
  MATCH (person:User)
  USING INDEX person:User(foldedName)
  WHERE person.foldedName >= $name AND person.foldedName < $to
    AND CASE person.foldedName WHEN $name THEN person.id > $id ELSE true END
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
