-- The paths of a cache ($1) that were asked for most while they were hidden and still are, at most $2.
-- OFFSET 0: see find_narinfos.
select r.hash, coalesce(n.name, ''), r.times
from (
    select hash, sum(hidden)::bigint as times
    from request_count
    where cache = $1::smallint and hidden > 0
    group by hash
) r
left join lateral (select name from narinfo where cache = $1 and hash = r.hash offset 0) n on true
where
    exists (
        select from hidden h
        where
            h.cache = $1
            and h.hash = r.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
order by r.times desc, r.hash
limit $2::int
