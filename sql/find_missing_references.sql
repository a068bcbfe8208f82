-- Which references of these paths aren't served. $1: cache; $2: hash parts, bytea[].
-- OFFSET 0: see find_narinfos.
select u.hash, r.hash
from unnest($2::bytea[]) u (hash)
cross join lateral (select id from path where cache = $1 and hash = u.hash offset 0) p
cross join lateral (select refs from graph where id = p.id offset 0) g
cross join lateral unnest(g.refs) with ordinality x (id, ord)
cross join lateral (select hash from path where id = x.id offset 0) r
where
    r.hash <> u.hash
    and (
        not exists (select from narinfo n where n.cache = $1 and n.hash = r.hash offset 0)
        or exists (
            select from hidden h
            where
                h.cache = $1
                and h.hash = r.hash
                and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
            offset 0
        )
    )
order by u.hash, x.ord
