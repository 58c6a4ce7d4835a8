MATCH (:User {id: $id})-[:FRIENDS_WITH|REQUESTED]-(person)
RETURN collect(person.id) AS answer
