-- Narinfos ($2: hash parts, bytea[]) of a cache ($1) name no NARs any more. Returns those they named.
delete from narinfo_nar where cache = $1::smallint and hash = any($2::bytea[]) returning nar
