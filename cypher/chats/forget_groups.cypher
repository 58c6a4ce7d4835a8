MATCH (group:Group)
WHERE group.id > $after
WITH group
ORDER BY group.id
LIMIT $part
REMOVE group.lastChattedAt
RETURN max(group.id) AS answer
