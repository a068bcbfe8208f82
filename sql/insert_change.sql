-- $1: kind; $2: cache; $3: hash parts, bytea[].
insert into change (kind, cache, hashes) values ($1, $2, $3::bytea[])
