// Locked in the order of their ids.
UNWIND $chats AS said
MATCH (group:Group {id: said.group})
REMOVE group._lock
WITH said, group
WHERE group.lastChattedAt IS NULL OR group.lastChattedAt < said.at
SET group.lastChattedAt = said.at
