-- Of these hash parts ($2: bytea[]), those that the cache ($1) has a narinfo of, hidden ones too.
-- OFFSET 0: see find_narinfos.
select u.hash
from unnest($2::bytea[]) u (hash)
where exists (select from narinfo n where n.cache = $1 and n.hash = u.hash offset 0)
