// Joined on the friend in the middle: it costs the two degrees, where going
// from friend to friend would cost a look at each one's friends.
UNWIND $asked AS asked
OPTIONAL MATCH (viewer:User {id: asked.viewer})
MATCH (other:User {id: asked.other})
CALL (viewer, other) {
  MATCH (viewer)-[:FRIENDS_WITH]-(person)-[:FRIENDS_WITH]-(other)
  USING JOIN ON person
  WITH person
  ORDER BY person.username
  RETURN collect(person) AS mutual
}
RETURN asked.place AS place, [
  [person IN [person IN mutual WHERE person.username > asked.after][..asked.limit] |
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt]],
  size(mutual)
] AS answer
