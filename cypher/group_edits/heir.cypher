MATCH (:Group {id: $group})<-[membership:MEMBER_OF]-(person)
WHERE person.id <> $leaving
RETURN person.id AS answer
ORDER BY membership.role <> 'ADMIN', membership.since, person.id
LIMIT 1
