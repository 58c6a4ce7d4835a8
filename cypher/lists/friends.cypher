UNWIND $asked AS asked
MATCH (viewer:User {id: asked.viewer})
CALL (viewer, asked) {
  MATCH (viewer)-[friendship:FRIENDS_WITH]-(person)
  WHERE person.username > asked.after
  WITH viewer, friendship, person
  ORDER BY person.username
  LIMIT $limit
  OPTIONAL MATCH (viewer)-[chat:LAST_CHATTED]-(person)
  RETURN collect([
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    friendship.since,
    chat.at
  ]) AS items
}
RETURN
  asked.place AS place,
  [items, COUNT { (viewer)-[:FRIENDS_WITH]-() }] AS answer
