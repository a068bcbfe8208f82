-- References of the paths of a hide batch ($2) of a cache ($1) that were purged after it was hidden, at
-- most $3. By joins, as list_reached_elsewhere: where nothing was purged since, the batch isn't read.
with gone (id, hash) as materialized (
    select p.id, z.hash
    from plan l
    join purged_narinfo z on z.cache = $1::smallint and z.purged_at > l.hidden_at
    join path p on p.cache = z.cache and p.hash = z.hash
    where
        l.batch = $2::int
        and not exists (select from narinfo n where n.cache = z.cache and n.hash = z.hash)
)
select distinct gone.hash
from (
    select unnest(g.refs) id
    from hidden h
    join path p on p.cache = $1 and p.hash = h.hash
    join graph g on g.id = p.id
    where h.batch = $2 and exists (select from gone)
) x
join gone on gone.id = x.id
order by gone.hash
limit $3::int
