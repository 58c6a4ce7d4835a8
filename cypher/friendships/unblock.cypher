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
MATCH (other:User {id: $other})
OPTIONAL MATCH (by)-[block:BLOCKED]->(other)
WITH block, block IS NOT NULL AS ended
DELETE block
RETURN ended AS answer
