// Read in the order of the index, until there are enough: it begins with the visibility.
OPTIONAL MATCH (viewer:User {id: $viewer})
WITH viewer, COLLECT {
  MATCH (viewer)-[:FRIENDS_WITH]-()-[:MEMBER_OF]->(group)
  RETURN DISTINCT group
} AS withFriends
CALL (withFriends) {
  MATCH (group:Group)
  WHERE group.visibility = 'PUBLIC' AND group.foldedName >= $name AND group.foldedName < $to
    AND (group.foldedName > $name OR group.id > $id)
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
  0,
  group.foldedName
] AS answer
ORDER BY group.foldedName, group.id
