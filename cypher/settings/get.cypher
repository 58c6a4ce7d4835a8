UNWIND $ids AS id
MATCH (person:User {id: id})
RETURN [person.id, [person.messagesFrom, person.presenceTo, person.readReceipts, person.discoverable]] AS answer
