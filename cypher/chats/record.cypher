// All nodes are locked first, in the order of their ids, as by every other writer.
UNWIND $people AS id
MATCH (person:User {id: id})
REMOVE person._lock
WITH count(*) AS locked
UNWIND $chats AS said
MATCH (lower:User {id: said.lower})
OPTIONAL MATCH (higher:User {id: said.higher})
WITH said, lower, higher
WHERE higher IS NOT NULL
MERGE (lower)-[chat:LAST_CHATTED]->(higher)
ON CREATE SET chat.at = said.at, chat.conversation = said.conversation
WITH said, chat
WHERE said.at > chat.at OR (said.at = chat.at AND said.conversation > chat.conversation)
SET chat.at = said.at, chat.conversation = said.conversation
