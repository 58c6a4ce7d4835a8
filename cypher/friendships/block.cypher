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
OPTIONAL MATCH (by)-[bond:FRIENDS_WITH|REQUESTED]-(other)
WITH by, other, collect(bond) AS bonds, EXISTS { (by)-[:BLOCKED]->(other) } AS already
FOREACH (bond IN bonds | DELETE bond)
FOREACH (_ IN CASE WHEN already THEN [] ELSE [1] END |
  CREATE (by)-[:BLOCKED {at: $at}]->(other))
RETURN [already, size(bonds) > 0] AS answer
