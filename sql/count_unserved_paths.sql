-- How many paths of each root aren't served; no row for a root that has them all. A path that several
-- of them need is looked up once. Grouped, not joined: see "Plans" in docs/schema.md. $1: the roots'
-- ids, int[]. OFFSET 0: see find_narinfos.
select u.root, count(*)
from (
    select n.id, array_agg(r.id) as roots
    from root r
    cross join lateral unnest(r.paths) n (id)
    where r.id = any($1::int[])
    group by n.id
) d
cross join lateral (select cache, hash from path where id = d.id offset 0) p
cross join lateral unnest(d.roots) u (root)
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
group by u.root
