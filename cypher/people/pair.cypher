MATCH (one:User {id: $one})
OPTIONAL MATCH (other:User {id: $other})
WITH one, other
WHERE other IS NOT NULL
RETURN
  one {.id, .username, .displayName, .bio, .avatarUrl, .createdAt} AS one,
  other {.id, .username, .displayName, .bio, .avatarUrl, .createdAt} AS other,
  {
    friends: EXISTS { (one)-[:FRIENDS_WITH]-(other) },
    sent: EXISTS { (one)-[:REQUESTED]->(other) },
    received: EXISTS { (other)-[:REQUESTED]->(one) },
    blocks: EXISTS { (one)-[:BLOCKED]->(other) },
    blocked_by: EXISTS { (other)-[:BLOCKED]->(one) }
  } AS bonds
