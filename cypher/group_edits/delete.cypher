// The group is locked first, so that its version stays so until the commit.
MATCH (group:Group {id: $group})
REMOVE group._lock
WITH group, group.version = $version AS current
CALL (group, current) {
  WITH group
  WHERE current
  DETACH DELETE group
}
RETURN current AS answer
