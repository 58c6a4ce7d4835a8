// Who is not in the graph stands alone, hence the viewer is optional.
OPTIONAL MATCH (viewer:User {id: $viewer})
UNWIND $others AS id
MATCH (other:User {id: id})
RETURN
  other.id AS id,
  {
    friends: EXISTS { (viewer)-[:FRIENDS_WITH]-(other) },
    sent: EXISTS { (viewer)-[:REQUESTED]->(other) },
    received: EXISTS { (other)-[:REQUESTED]->(viewer) },
    blocks: EXISTS { (viewer)-[:BLOCKED]->(other) },
    blocked_by: EXISTS { (other)-[:BLOCKED]->(viewer) }
  } AS bonds
