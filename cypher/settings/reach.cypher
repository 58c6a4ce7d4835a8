// Friends in common are looked for only where the settings ask for them.
UNWIND $asked AS asked
MATCH (from:User {id: asked.from})
OPTIONAL MATCH (to:User {id: asked.to})
WITH asked, from, to
WHERE to IS NOT NULL
CALL (from, to) {
  WITH from, to
  WHERE 'FRIENDS_OF_FRIENDS' IN [to.messagesFrom, to.presenceTo]
  MATCH (from)-[:FRIENDS_WITH]-(friend)-[:FRIENDS_WITH]-(to)
  USING JOIN ON friend
  WITH friend
  LIMIT 1
  RETURN count(*) > 0 AS shareFriends
}
RETURN asked.place AS place, [
  [to.messagesFrom, to.presenceTo, to.readReceipts, to.discoverable],
  COLLECT {
    MATCH (from)-[bond:FRIENDS_WITH|REQUESTED|BLOCKED]-(to)
    RETURN [type(bond), startNode(bond) = from]
  },
  shareFriends
] AS answer
