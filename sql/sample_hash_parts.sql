-- For each of these hash parts ($2: bytea[]) the first that the cache ($1) has from it on: a random
-- sample, since hash parts are uniform. OFFSET 0: see find_narinfos.
select distinct n.hash
from unnest($2::bytea[]) u (hash)
cross join lateral (
    select hash from narinfo where cache = $1 and hash >= u.hash order by hash limit 1 offset 0
) n
order by n.hash
