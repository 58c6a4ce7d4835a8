UNWIND $versions AS version
MATCH (migration:SchemaMigration {version: version})
RETURN migration.version AS answer
