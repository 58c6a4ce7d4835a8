// Read in the order of the index, until there are enough: it begins with the visibility. The
// index is named, and nothing else compares names, since it orders some otherwise than Cypher.
OPTIONAL MATCH (viewer:User {id: $viewer})
WITH viewer, COLLECT {
  MATCH (viewer)-[:FRIENDS_WITH]-()-[:MEMBER_OF]->(group)
  RETURN DISTINCT group
} AS withFriends
CALL (withFriends) {
  MATCH (group:Group)
  USING INDEX group:Group(visibility, foldedName)
  WHERE group.visibility = 'PUBLIC' AND group.foldedName >= $name AND group.foldedName < $to
    AND CASE group.foldedName WHEN $name THEN group.id > $id ELSE true END
    AND NOT group IN withFriends
  RETURN group
  ORDER BY group.visibility, group.foldedName, group.id
  LIMIT $limit
}
OPTIONAL MATCH (viewer)-[membership:MEMBER_OF]->(group)
RETURN [
  [
    [group.id, group.name, group.description, group.visibility, group.createdAt],
    membership.role,
    COUNT { (group)<-[:MEMBER_OF]-() }
  ],
  group.foldedName
] AS answer
