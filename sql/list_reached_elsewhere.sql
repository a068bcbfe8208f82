-- Of all that the paths of a hide batch ($2) of a cache ($1) reach in hide batches, themselves included,
-- what others have. OFFSET 0: see find_narinfos.
with recursive member (hash) as (
    select h.hash from hidden h where h.batch = $2::int
    union
    select r.hash
    from member m
    cross join lateral (select id from path where cache = $1::smallint and hash = m.hash offset 0) p
    cross join lateral (select unnest(g.refs) id from graph g where g.id = p.id offset 0) x
    cross join lateral (select hash from path where id = x.id offset 0) r
    where exists (select from hidden h where h.cache = $1 and h.hash = r.hash offset 0)
)
select m.hash
from member m
where exists (
    select from hidden h where h.cache = $1 and h.hash = m.hash and h.batch <> $2 offset 0
)
order by m.hash
