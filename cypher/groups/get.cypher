// Who is not in the graph is in no group, hence the viewer is optional.
UNWIND $asked AS asked
MATCH (group:Group {id: asked.group})
OPTIONAL MATCH (viewer:User {id: asked.viewer})
OPTIONAL MATCH (viewer)-[membership:MEMBER_OF]->(group)
RETURN asked.place AS place, [
  [group.id, group.name, group.description, group.visibility, group.createdAt],
  membership.role,
  COUNT { (group)<-[:MEMBER_OF]-() }
] AS answer
