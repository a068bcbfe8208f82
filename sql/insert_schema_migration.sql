-- $1: version; $2: name; $3: SHA-256 of its text, bytea.
insert into schema_migration (version, name, checksum) values ($1, $2, $3::bytea)
