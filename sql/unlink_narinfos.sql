-- Narinfos ($2: hash parts, bytea[]) of a cache ($1) name no NARs any more. Returns those they named.
delete from narinfo_nar w
using unnest($2::bytea[]) u (hash)
where w.cache = $1::smallint and w.hash = u.hash
returning w.nar
