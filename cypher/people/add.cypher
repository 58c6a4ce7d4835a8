MERGE (person:User {id: $id})
ON CREATE SET
  person.username = $username,
  person.displayName = $displayName,
  person.foldedName = $foldedName,
  person.createdAt = $createdAt
