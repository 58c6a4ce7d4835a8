MATCH ()-[chat:LAST_CHATTED]->()
WITH chat
LIMIT $part
DELETE chat
RETURN count(*) AS answer
