select version, name, encode(checksum, 'hex') from schema_migration order by version
