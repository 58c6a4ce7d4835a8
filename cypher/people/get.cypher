UNWIND $asked AS asked
MATCH (person:User {id: asked.id})
RETURN
  asked.place AS place,
  [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt] AS answer
