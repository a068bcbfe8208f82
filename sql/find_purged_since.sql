-- References of hidden paths that were purged after the paths were hidden. What had gone before was
-- lacking then already. $1: cache; $2: hash parts of the paths, bytea[]. OFFSET 0: see find_narinfos.
select distinct r.hash
from unnest($2::bytea[]) u (hash)
cross join lateral (
    select min(coalesce(l.hidden_at, b.created_at)) as at
    from hidden h
    join hide_batch b on b.id = h.batch
    left join plan l on l.batch = h.batch
    where h.cache = $1::smallint and h.hash = u.hash and b.active
) since
cross join lateral (select id from path where cache = $1 and hash = u.hash offset 0) p
cross join lateral (select unnest(g.refs) id from graph g where g.id = p.id offset 0) x
cross join lateral (select hash from path where id = x.id offset 0) r
where
    not exists (select from narinfo n where n.cache = $1 and n.hash = r.hash offset 0)
    and exists (
        select from purged_narinfo z
        where z.cache = $1 and z.hash = r.hash and z.purged_at > since.at
        offset 0
    )
order by r.hash
