MATCH (:User {id: $id})-[:MEMBER_OF]->(group)
RETURN collect(group.id) AS answer
