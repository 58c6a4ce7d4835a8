UNWIND $ids AS id
MATCH (person:User {id: id})
RETURN person {.id, .username, .displayName, .bio, .avatarUrl, .createdAt} AS person
