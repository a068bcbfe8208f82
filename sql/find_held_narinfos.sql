-- What the cache holds of the paths asked for, served or not, and whether a hide batch has them.
-- $1: cache; $2: hash parts, bytea[]. OFFSET 0: see find_narinfos.
select
    u.ord,
    n.name,
    n.nar_hash,
    n.nar_size,
    exists (select from hidden h where h.cache = $1 and h.hash = u.hash offset 0)::int
from unnest($2::bytea[]) with ordinality u (hash, ord)
cross join lateral (
    select name, nar_hash, nar_size from narinfo where cache = $1::smallint and hash = u.hash offset 0
) n
order by u.ord
