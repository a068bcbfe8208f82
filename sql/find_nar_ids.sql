-- The NARs that the cache has, by place among those asked for, and whether they came before any narinfo
-- said how they are compressed. $1: cache; $2: URLs, text[]. OFFSET 0: see find_narinfos.
select u.ord, n.id, n.compression is null
from unnest($2::text[]) with ordinality u (url, ord)
cross join lateral (
    select id, compression from nar where cache = $1::smallint and url = u.url offset 0
) n
