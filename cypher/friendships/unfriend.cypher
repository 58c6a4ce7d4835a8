// Both nodes are locked first, the lower id first, so that what is read next
// stays so until the commit and two writers never wait for each other
// crosswise. Removing a property takes a node's lock even where it has none.
MATCH (lower:User {id: $lower})
REMOVE lower._lock
WITH lower
MATCH (higher:User {id: $higher})
REMOVE higher._lock
WITH lower, higher
MATCH (one:User {id: $one})
WITH lower, higher, one
MATCH (other:User {id: $other})
OPTIONAL MATCH (one)-[friendship:FRIENDS_WITH]-(other)
WITH friendship, friendship IS NOT NULL AS ended
DELETE friendship
RETURN ended AS answer
