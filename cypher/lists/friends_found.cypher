UNWIND $asked AS asked
MATCH (viewer:User {id: asked.viewer})
CALL (viewer, asked) {
  MATCH (viewer)-[friendship:FRIENDS_WITH]-(person)
  WHERE person.username > asked.after
    AND (person.username STARTS WITH asked.query OR person.foldedName STARTS WITH asked.query)
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
CALL (viewer, asked) {
  MATCH (viewer)-[:FRIENDS_WITH]-(person)
  WHERE person.username STARTS WITH asked.query OR person.foldedName STARTS WITH asked.query
  RETURN count(person) AS total
}
RETURN asked.place AS place, [items, total] AS answer
