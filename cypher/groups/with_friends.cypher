MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[:FRIENDS_WITH]-()-[:MEMBER_OF]->(group)
  RETURN group, count(*) AS friends
}
WITH group, friends
WHERE friends <= $friends
  AND group.visibility = 'PUBLIC'
  AND group.foldedName STARTS WITH $prefix
RETURN [friends, group.foldedName, group.id] AS answer
