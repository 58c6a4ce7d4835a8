MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[block:BLOCKED]->(person)
  WHERE block.at < $at OR (block.at = $at AND person.id < $id)
  WITH block, person
  ORDER BY block.at DESC, person.id DESC
  LIMIT $limit
  RETURN collect([
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    block.at
  ]) AS items
}
RETURN [items, COUNT { (viewer)-[:BLOCKED]->() }] AS answer
