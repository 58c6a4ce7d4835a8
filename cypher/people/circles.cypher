UNWIND $ids AS id
MATCH (person:User {id: id})
RETURN [
  [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
  [person.messagesFrom, person.presenceTo, person.readReceipts, person.discoverable],
  COLLECT { MATCH (person)-[:FRIENDS_WITH]-(friend) RETURN friend.id }
] AS answer
