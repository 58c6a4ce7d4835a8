CREATE INDEX group_visibility_folded_name IF NOT EXISTS
FOR (group:Group) ON (group.visibility, group.foldedName)
