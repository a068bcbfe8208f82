-- Hidden paths that were asked for in regions while they were, today or yesterday (UTC): $1 at most.
-- OFFSET 0: see find_narinfos.
select r.cache, r.hash
from (
    select distinct cache, hash
    from request_count
    where day >= (now() at time zone 'UTC')::date - 1 and region <> '' and hidden > 0
) r
where
    exists (
        select from hidden h
        where
            h.cache = r.cache
            and h.hash = r.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
limit $1::int
