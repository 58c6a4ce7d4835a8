CREATE CONSTRAINT schema_migration_version_unique IF NOT EXISTS
FOR (migration:SchemaMigration) REQUIRE migration.version IS UNIQUE
