// Both nodes are locked first, the lower id first, so that what is read next
// stays so until the commit and two writers never wait for each other
// crosswise. Removing a property takes a node's lock even where it has none.
MATCH (lower:User {id: $lower})
REMOVE lower._lock
WITH lower
MATCH (higher:User {id: $higher})
REMOVE higher._lock
WITH lower, higher
MATCH (by:User {id: $by})
WITH lower, higher, by
MATCH (from:User {id: $from})
OPTIONAL MATCH (from)-[request:REQUESTED]->(by)
WITH *,
  CASE
    WHEN EXISTS { (by)-[:FRIENDS_WITH]-(from) } THEN 'already_friends'
    WHEN request IS NULL THEN 'unknown'
    WHEN COUNT { (by)-[:FRIENDS_WITH]-() } >= $maxFriends
      OR COUNT { (from)-[:FRIENDS_WITH]-() } >= $maxFriends THEN 'too_many_friends'
    ELSE 'became_friends'
  END AS outcome
FOREACH (_ IN CASE outcome WHEN 'became_friends' THEN [1] ELSE [] END |
  DELETE request
  CREATE (lower)-[:FRIENDS_WITH {since: $at}]->(higher))
RETURN outcome AS answer
