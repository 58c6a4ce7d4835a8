MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)<-[request:REQUESTED]-(person)
  WHERE request.at < $at OR (request.at = $at AND person.id < $id)
  WITH request, person
  ORDER BY request.at DESC, person.id DESC
  LIMIT $limit
  RETURN collect([
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    request.note,
    request.at
  ]) AS items
}
RETURN [items, COUNT { (viewer)<-[:REQUESTED]-() }] AS answer
