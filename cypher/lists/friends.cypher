MATCH (viewer:User {id: $viewer})
CALL (viewer) {
  MATCH (viewer)-[friendship:FRIENDS_WITH]-(person:User)
  WHERE person.username > $after
    AND ($query IS NULL
      OR person.username STARTS WITH $query
      OR person.foldedName STARTS WITH $query)
  WITH viewer, friendship, person
  ORDER BY person.username
  LIMIT $limit
  RETURN collect({
    person: person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt},
    since: friendship.since,
    lastChattedAt: head(COLLECT {
      MATCH (viewer)-[chat:LAST_CHATTED]-(person)
      RETURN chat.at
    })
  }) AS items
}
RETURN
  items,
  CASE
    WHEN $query IS NULL THEN COUNT { (viewer)-[:FRIENDS_WITH]-() }
    ELSE COUNT {
      MATCH (viewer)-[:FRIENDS_WITH]-(person:User)
      WHERE person.username STARTS WITH $query OR person.foldedName STARTS WITH $query
    }
  END AS total
