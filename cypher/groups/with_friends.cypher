MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[:FRIENDS_WITH]-()-[:MEMBER_OF]->(group)
  RETURN group, count(*) AS friends
}
WITH viewer, group, friends
WHERE group.visibility = 'PUBLIC'
  AND group.foldedName STARTS WITH $prefix
  AND (friends < $friends OR (friends = $friends
    AND (group.foldedName > $name OR (group.foldedName = $name AND group.id > $id))))
WITH viewer, group, friends
ORDER BY friends DESC, group.foldedName, group.id
LIMIT $limit
OPTIONAL MATCH (viewer)-[membership:MEMBER_OF]->(group)
RETURN [
  [
    [group.id, group.name, group.description, group.visibility, group.createdAt],
    membership.role,
    COUNT { (group)<-[:MEMBER_OF]-() }
  ],
  friends,
  group.foldedName
] AS answer
ORDER BY friends DESC, group.foldedName, group.id
