-- $1: cache; $2: hash parts, bytea[]; $3: key; $4: value.
delete from tag
where cache = $1 and hash = any($2::bytea[]) and key = $3 and value = $4
returning hash
