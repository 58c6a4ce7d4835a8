MATCH (group:Group {id: $group})
CALL (group) {
  MATCH (group)<-[membership:MEMBER_OF]-(person)
  WHERE person.username > $after
    AND ($query IS NULL
      OR person.username STARTS WITH $query
      OR person.foldedName STARTS WITH $query)
  WITH membership, person
  ORDER BY person.username
  LIMIT $limit
  RETURN collect([
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    membership.role,
    membership.since
  ]) AS items
}
RETURN [
  items,
  CASE
    WHEN $query IS NULL THEN COUNT { (group)<-[:MEMBER_OF]-() }
    ELSE COUNT {
      MATCH (group)<-[:MEMBER_OF]-(person)
      WHERE person.username STARTS WITH $query OR person.foldedName STARTS WITH $query
    }
  END
] AS answer
