OPTIONAL MATCH (viewer:User {id: $viewer})
WITH COLLECT { MATCH (viewer)-[:BLOCKED*0..1]-(person) RETURN person } AS others
MATCH (person:User)
WHERE (person.username STARTS WITH $prefix OR person.foldedName STARTS WITH $prefix)
  AND NOT person IN others
  AND coalesce(person.discoverable, true)
RETURN count(person) AS answer
