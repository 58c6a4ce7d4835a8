// Should several have the same username, whose id is lowest is meant: the last row for a place counts.
UNWIND $asked AS asked
MATCH (person:User {username: asked.username})
RETURN
  asked.place AS place,
  [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt] AS answer
ORDER BY person.id DESC
