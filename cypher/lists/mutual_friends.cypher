// Joined on the friend in the middle: it costs the two degrees, where going
// from friend to friend would cost a look at each one's friends.
OPTIONAL MATCH (viewer:User {id: $viewer})
UNWIND $others AS id
MATCH (other:User {id: id})
CALL (viewer, other) {
  MATCH (viewer)-[:FRIENDS_WITH]-(person:User)-[:FRIENDS_WITH]-(other)
  USING JOIN ON person
  WITH person
  ORDER BY person.username
  RETURN collect(person) AS mutual
}
RETURN
  other.id AS id,
  size(mutual) AS total,
  [person IN [person IN mutual WHERE person.username > $after][..$limit] |
    person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt}] AS items
