MATCH (viewer:User {id: $viewer})
UNWIND $others AS id
MATCH (other:User {id: id})
MATCH (viewer)-[chat:LAST_CHATTED]-(other)
RETURN [other.id, chat.at] AS answer
