-- A part of a root's paths, and which of them are served. $1: id; $2: the first one's place, from 1;
-- $3: the last one's. OFFSET 0: see find_narinfos.
select
    p.hash,
    coalesce(n.name, ''),
    n.name is not null
    and not exists (
        select from hidden h
        where
            h.cache = p.cache
            and h.hash = p.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
from root r
cross join lateral unnest(r.paths[$2::bigint::int:$3::bigint::int]) with ordinality u (id, ord)
cross join lateral (select cache, hash from path where id = u.id offset 0) p
left join lateral (
    select name from narinfo where cache = p.cache and hash = p.hash offset 0
) n on true
where r.id = $1
order by u.ord
