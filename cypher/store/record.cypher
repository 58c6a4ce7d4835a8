MERGE (migration:SchemaMigration {version: $version})
ON CREATE SET migration.name = $name, migration.appliedAt = timestamp()
