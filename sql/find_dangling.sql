-- Of the paths with these ids ($1: int[]), those that have no narinfo, or a hidden one.
-- OFFSET 0: see find_narinfos.
select p.hash
from unnest($1::int[]) u (id)
cross join lateral (select cache, hash from path where id = u.id offset 0) p
where
    not exists (select from graph g where g.id = u.id offset 0)
    or exists (
        select from hidden h
        where
            h.cache = p.cache
            and h.hash = p.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
order by p.hash
