-- Paths in hide batches and all that they reach there: a path that is in none refers to nothing
-- that is, or will be looked at by the collector itself (docs/decisions/0007-collecting.md).
-- $1: cache; $2: hash parts, bytea[]. OFFSET 0: see find_narinfos.
with recursive member (hash) as (
    select u.hash from unnest($2::bytea[]) u (hash)
    union
    select r.hash
    from member m
    cross join lateral (
        select id from path where cache = $1::smallint and hash = m.hash offset 0
    ) p
    cross join lateral (select unnest(g.refs) id from graph g where g.id = p.id offset 0) x
    cross join lateral (select hash from path where id = x.id offset 0) r
    where exists (select from hidden h where h.cache = $1 and h.hash = r.hash offset 0)
)
select hash from member order by hash
