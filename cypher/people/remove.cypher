// Looked up again once it is locked: somebody may have taken it out meanwhile.
MATCH (known:User {id: $id})
REMOVE known._lock
WITH known
MATCH (person:User {id: $id})
DETACH DELETE person
RETURN true AS answer
