// Friends in common are looked for only where the settings of either ask for them.
MATCH (one:User {id: $one})
OPTIONAL MATCH (other:User {id: $other})
WITH one, other
WHERE other IS NOT NULL
CALL (one, other) {
  WITH one, other
  WHERE 'FRIENDS_OF_FRIENDS' IN [one.messagesFrom, one.presenceTo, other.messagesFrom, other.presenceTo]
  MATCH (one)-[:FRIENDS_WITH]-(friend)-[:FRIENDS_WITH]-(other)
  USING JOIN ON friend
  WITH friend
  LIMIT 1
  RETURN count(*) > 0 AS shareFriends
}
RETURN [
  [one.id, one.username, one.displayName, one.bio, one.avatarUrl, one.createdAt],
  [one.messagesFrom, one.presenceTo, one.readReceipts, one.discoverable],
  [other.id, other.username, other.displayName, other.bio, other.avatarUrl, other.createdAt],
  [other.messagesFrom, other.presenceTo, other.readReceipts, other.discoverable],
  COLLECT {
    MATCH (one)-[bond:FRIENDS_WITH|REQUESTED|BLOCKED]-(other)
    RETURN [type(bond), startNode(bond) = one]
  },
  shareFriends
] AS answer
