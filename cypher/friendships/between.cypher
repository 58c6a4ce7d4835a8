// Who is not in the graph stands alone, hence the viewer is optional.
UNWIND $asked AS asked
OPTIONAL MATCH (viewer:User {id: asked.viewer})
MATCH (other:User {id: asked.other})
RETURN
  asked.place AS place,
  COLLECT {
    MATCH (viewer)-[bond:FRIENDS_WITH|REQUESTED|BLOCKED]-(other)
    RETURN [type(bond), startNode(bond) = viewer]
  } AS answer
