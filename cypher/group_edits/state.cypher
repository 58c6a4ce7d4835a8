MATCH (group:Group {id: $group})
RETURN [
  [group.id, group.name, group.description, group.visibility, group.createdAt],
  group.version,
  COUNT { (group)<-[:MEMBER_OF]-() },
  COLLECT { MATCH (group)<-[:MEMBER_OF {role: 'OWNER'}]-(person) RETURN person.id },
  COLLECT {
    MATCH (group)<-[membership:MEMBER_OF]-(person)
    WHERE person.id IN $about
    RETURN [person.id, membership.role]
  },
  $token IN group.edits
] AS answer
