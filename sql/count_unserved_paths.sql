-- How many paths of each root aren't served; no row for a root that has them all. A path that several
-- of them need is looked up once. $1: the roots' ids, int[]. OFFSET 0: see find_narinfos.
with needed as materialized (
    select r.id as root, u.id as path
    from root r
    cross join lateral unnest(r.paths) u (id)
    where r.id = any($1::int[])
),
unserved as materialized (
    select p.id
    from (select distinct path from needed) d
    cross join lateral (select id, cache, hash from path where id = d.path offset 0) p
    where
        not exists (select from narinfo n where n.cache = p.cache and n.hash = p.hash offset 0)
        or exists (
            select from hidden h
            where
                h.cache = p.cache
                and h.hash = p.hash
                and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
            offset 0
        )
)
select n.root, count(*)
from needed n
where n.path in (select id from unserved)
group by n.root
