// Both nodes are locked first, the lower id first, so that what is read next
// stays so until the commit and two writers never wait for each other
// crosswise. Removing a property takes a node's lock even where it has none.
MATCH (lower:User {id: $lower})
REMOVE lower._lock
WITH lower
MATCH (higher:User {id: $higher})
REMOVE higher._lock
WITH lower, higher
MATCH (from:User {id: $from})
WITH lower, higher, from
MATCH (to:User {id: $to})
OPTIONAL MATCH (to)-[received:REQUESTED]->(from)
WITH *,
  CASE
    WHEN EXISTS { (from)-[:BLOCKED]-(to) } THEN 'blocked'
    WHEN EXISTS { (from)-[:FRIENDS_WITH]-(to) } THEN 'already_friends'
    WHEN EXISTS { (from)-[:REQUESTED]->(to) } THEN 'already_asked'
    WHEN COUNT { (from)-[:FRIENDS_WITH]-() } >= $maxFriends
      OR COUNT { (to)-[:FRIENDS_WITH]-() } >= $maxFriends THEN 'too_many_friends'
    WHEN received IS NOT NULL THEN 'became_friends'
    ELSE 'sent'
  END AS outcome
FOREACH (_ IN CASE outcome WHEN 'sent' THEN [1] ELSE [] END |
  CREATE (from)-[:REQUESTED {note: $note, at: $at}]->(to))
FOREACH (_ IN CASE outcome WHEN 'became_friends' THEN [1] ELSE [] END |
  DELETE received
  CREATE (lower)-[:FRIENDS_WITH {since: $at}]->(higher))
RETURN outcome AS answer
