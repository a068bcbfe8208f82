-- Paths by their ids ($1: int[]), in that order: hash part, and name where there is a narinfo.
-- OFFSET 0: see find_narinfos.
select p.hash, n.name
from unnest($1::int[]) with ordinality u (id, ord)
cross join lateral (select cache, hash from path where id = u.id offset 0) p
left join lateral (
    select name from narinfo where cache = p.cache and hash = p.hash offset 0
) n on true
order by u.ord
