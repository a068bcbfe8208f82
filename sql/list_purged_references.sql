-- References of the paths of a hide batch ($2) of a cache ($1) that were purged after it was hidden, at
-- most $3. OFFSET 0: see find_narinfos.
select distinct r.hash
from plan l
cross join lateral (select hash from hidden where batch = l.batch offset 0) h
cross join lateral (select id from path where cache = $1::smallint and hash = h.hash offset 0) p
cross join lateral (select unnest(g.refs) id from graph g where g.id = p.id offset 0) x
cross join lateral (select hash from path where id = x.id offset 0) r
where
    l.batch = $2::int
    and not exists (select from narinfo n where n.cache = $1 and n.hash = r.hash offset 0)
    and exists (
        select from purged_narinfo z
        where z.cache = $1 and z.hash = r.hash and z.purged_at > l.hidden_at
        offset 0
    )
order by r.hash
limit $3::int
