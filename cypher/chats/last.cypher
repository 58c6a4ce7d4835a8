MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[chat:LAST_CHATTED]-(person)
  WITH chat, person
  ORDER BY chat.at DESC, person.id DESC
  LIMIT $limit
  RETURN collect([
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    chat.conversation,
    chat.at
  ]) AS people
}
CALL (viewer) {
  MATCH (viewer)-[membership:MEMBER_OF]->(group)
  WHERE group.lastChattedAt >= membership.since
  WITH group
  ORDER BY group.lastChattedAt DESC, group.id DESC
  LIMIT $limit
  RETURN collect([
    [group.id, group.name, group.description, group.visibility, group.createdAt],
    group.lastChattedAt
  ]) AS groups
}
RETURN [people, groups] AS answer
