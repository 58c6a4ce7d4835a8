MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[block:BLOCKED]->(person:User)
  WHERE block.at < $at OR (block.at = $at AND person.id < $id)
  WITH block, person
  ORDER BY block.at DESC, person.id DESC
  LIMIT $limit
  RETURN collect({
    person: person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt},
    at: block.at
  }) AS items
}
RETURN items, COUNT { (viewer)-[:BLOCKED]->() } AS total
