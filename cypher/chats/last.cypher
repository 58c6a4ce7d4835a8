MATCH (viewer:User {id: $viewer})-[chat:LAST_CHATTED]-(person:User)
WITH chat, person
ORDER BY chat.at DESC, person.id DESC
LIMIT $limit
RETURN person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt} AS person, chat.conversation AS conversation, chat.at AS at
