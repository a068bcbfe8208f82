-- References of hidden paths that were purged after the paths were hidden. What had gone before was
-- lacking then already. $1: cache; $2: hash parts of the paths, bytea[]. OFFSET 0: see find_narinfos.
select distinct r.hash
from unnest($2::bytea[]) u (hash)
cross join lateral (
    select min(coalesce(l.hidden_at, b.created_at)) as at
    from (select batch from hidden where cache = $1::smallint and hash = u.hash offset 0) h
    cross join lateral (
        select created_at from hide_batch where id = h.batch and active offset 0
    ) b
    left join lateral (select hidden_at from plan where batch = h.batch offset 0) l on true
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
