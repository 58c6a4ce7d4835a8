CALL () {
  UNWIND $people AS new
  MERGE (person:User {id: new.id})
  ON CREATE SET person = new
}
CALL () {
  UNWIND $ties AS tie
  MATCH (lower:User {id: tie[0]})
  OPTIONAL MATCH (higher:User {id: tie[1]})
  WITH tie, lower, higher
  WHERE higher IS NOT NULL
  MERGE (lower)-[friendship:FRIENDS_WITH]->(higher)
  ON CREATE SET friendship.since = tie[2]
}
