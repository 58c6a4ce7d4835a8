MATCH (person:User)
WHERE person.id > $after
RETURN [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt] AS answer
ORDER BY person.id
LIMIT $limit
