// Those who share most friends come first, and the rest only until there are enough who may be
// suggested: of nobody else anything is read. A friend's friend is never the viewer: no
// friendship leads there and back.
UNWIND $asked AS asked
MATCH (viewer:User {id: asked.viewer})
CALL (viewer) {
  CALL (viewer) {
    MATCH (viewer)-[:FRIENDS_WITH]-()-[:FRIENDS_WITH]-(person)
    WITH person, count(*) AS mutual
    WITH mutual, collect(person) AS people
    ORDER BY mutual DESC
    RETURN collect([mutual, people]) AS ranks
  }
  WITH
    ranks,
    COLLECT { MATCH (viewer)-[:FRIENDS_WITH|REQUESTED|BLOCKED]-(person) RETURN person } AS near,
    COLLECT { MATCH (viewer)-[:MEMBER_OF]->(group) RETURN group } AS groups
  UNWIND reduce(found = [], rank IN ranks |
    CASE
      WHEN size(found) >= $limit THEN found
      ELSE found + [
        person IN rank[1]
        WHERE NOT person IN near AND coalesce(person.discoverable, true) | [rank[0], person]
      ]
    END) AS candidate
  WITH groups, candidate[0] AS mutual, candidate[1] AS person
  WITH
    person,
    mutual,
    CASE size(groups)
      WHEN 0 THEN 0
      ELSE COUNT { MATCH (person)-[:MEMBER_OF]->(group) WHERE group IN groups }
    END AS shared
  ORDER BY mutual DESC, shared DESC, person.username
  LIMIT $limit
  RETURN collect([
    [person.id, person.username, person.displayName, person.bio, person.avatarUrl, person.createdAt],
    mutual,
    shared
  ]) AS answer
}
RETURN asked.place AS place, answer
