-- Of all that the paths of a hide batch ($2) of a cache ($1) reach in hide batches, themselves included,
-- what others have. By joins: it is for a session with PostgreSQL's own settings. Where nobody else hides anything,
-- nearly always, it reads hidden paths once, and of the graph nothing.
with recursive others (id, hash) as materialized (
    select p.id, p.hash
    from (select distinct hash from hidden where cache = $1::smallint and batch <> $2::int) h
    join path p on p.cache = $1 and p.hash = h.hash
), own (id, refs) as (
    select p.id, g.refs
    from hidden h
    join path p on p.cache = $1 and p.hash = h.hash
    join graph g on g.id = p.id
    where h.batch = $2 and exists (select from others)
), reached (id) as (
    (
        select o.id from others o join own on own.id = o.id
        union
        select o.id from (select unnest(refs) id from own) x join others o on o.id = x.id
    )
    union
    select o.id
    from reached r
    join graph g on g.id = r.id
    cross join lateral unnest(g.refs) x (id)
    join others o on o.id = x.id
)
select o.hash
from reached r
join others o on o.id = r.id
order by o.hash
