-- The NARs that the cache has, by place among those asked for. $1: cache; $2: URLs, text[].
-- OFFSET 0: see find_narinfos.
select u.ord, n.id
from unnest($2::text[]) with ordinality u (url, ord)
cross join lateral (select id from nar where cache = $1::smallint and url = u.url offset 0) n
