MATCH (person:User {username: $username})
RETURN person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt} AS person
ORDER BY person.id
LIMIT 1
