// How many there are is kept; an index tells who is not listed.
OPTIONAL MATCH (viewer:User {id: $viewer})
RETURN
  COUNT { MATCH (:User) }
  - COUNT { MATCH (:User {discoverable: false}) }
  - COUNT {
    MATCH (viewer)-[:BLOCKED*0..1]-(person)
    WHERE coalesce(person.discoverable, true)
    RETURN DISTINCT person
  } AS answer
