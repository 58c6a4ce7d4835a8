UNWIND $asked AS asked
MATCH (person:User {username: asked.username})
RETURN
  asked.place AS place,
  [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt] AS answer
