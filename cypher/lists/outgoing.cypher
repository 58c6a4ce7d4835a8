MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[request:REQUESTED]->(person:User)
  WHERE request.at < $at OR (request.at = $at AND person.id < $id)
  WITH request, person
  ORDER BY request.at DESC, person.id DESC
  LIMIT $limit
  RETURN collect({
    person: person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt},
    note: request.note,
    at: request.at
  }) AS items
}
RETURN items, COUNT { (viewer)-[:REQUESTED]->() } AS total
