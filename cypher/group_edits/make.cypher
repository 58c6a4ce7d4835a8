// The group is locked first, so that what is read next stays so until the commit.
// A group that was just made has no version yet.
FOREACH (_ IN CASE WHEN $created THEN [1] ELSE [] END | MERGE (:Group {id: $group}))
WITH $group AS id
MATCH (group:Group {id: id})
REMOVE group._lock
WITH
  group,
  $token IN coalesce(group.edits, []) AS made,
  coalesce(group.version, 0) = $version AS current
CALL (group, made, current) {
  WITH group
  WHERE current AND NOT made
  SET
    group += $profile,
    group.createdAt = coalesce(group.createdAt, $at),
    group.version = $version + 1,
    group.edits = (coalesce(group.edits, []) + $token)[$remembered..]
  WITH group
  CALL (group) {
    UNWIND $set AS member
    MATCH (person:User {id: member.id})
    MERGE (person)-[membership:MEMBER_OF]->(group)
    ON CREATE SET membership.since = $at
    SET membership.role = member.role
  }
  CALL (group) {
    UNWIND $remove AS id
    MATCH (person:User {id: id})-[membership:MEMBER_OF]->(group)
    DELETE membership
  }
}
RETURN made OR current AS answer
