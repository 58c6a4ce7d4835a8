// Looked up again once it is locked: somebody may have taken it out meanwhile.
MATCH (known:User {id: $id})
REMOVE known._lock
WITH known
MATCH (person:User {id: $id})
SET person += $change
RETURN [person.messagesFrom, person.presenceTo, person.readReceipts, person.discoverable] AS answer
