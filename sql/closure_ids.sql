-- The path ids of everything that these paths need, themselves included, in their order. A path
-- that isn't known has none. $1: cache; $2: hash parts, bytea[]. OFFSET 0: see find_narinfos.
with recursive member (id) as (
    select p.id
    from unnest($2::bytea[]) u (hash)
    cross join lateral (select id from path where cache = $1::smallint and hash = u.hash offset 0) p
    union
    select r.id
    from member m
    cross join lateral (select unnest(g.refs) id from graph g where g.id = m.id offset 0) r
)
select id from member order by id
