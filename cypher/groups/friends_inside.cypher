MATCH (viewer:User {id: $viewer})
UNWIND $groups AS id
MATCH (group:Group {id: id})
CALL (viewer, group) {
  MATCH (viewer)-[:FRIENDS_WITH]-(person)
  WHERE EXISTS { (person)-[:MEMBER_OF]->(group) }
  WITH person
  ORDER BY person.username
  LIMIT $limit
  RETURN collect([person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt]) AS people
}
WITH group, people
WHERE size(people) > 0
RETURN [group.id, people] AS answer
