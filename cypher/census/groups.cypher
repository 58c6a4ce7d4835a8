MATCH (group:Group)
WHERE group.id > $after
WITH group
ORDER BY group.id
LIMIT $limit
RETURN [
  [group.id, group.name, group.description, group.visibility, group.createdAt],
  group.version,
  COLLECT { MATCH (group)<-[membership:MEMBER_OF]-(person) RETURN [person.id, membership.role] }
] AS answer
