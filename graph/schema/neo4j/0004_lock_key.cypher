// Removing a property locks its node only once the graph knows the property's name.
MERGE (migration:SchemaMigration {version: 4})
SET migration._lock = true
REMOVE migration._lock
