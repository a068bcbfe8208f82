-- Paths that are served and weren't asked for in the last $2 days, today included: how many, their NARs'
-- bytes unpacked, and since when requests have been counted. $1: cache.
select
    count(*),
    coalesce(sum(n.nar_size), 0),
    (select min(day)::text from request_count)
from narinfo n
where
    n.cache = $1
    and not exists (
        select from request_count r
        where
            r.cache = n.cache
            and r.hash = n.hash
            and r.day > (now() at time zone 'UTC')::date - $2::int
            and r.served > 0
    )
    and not exists (
        select from hidden h join hide_batch b on b.id = h.batch
        where h.cache = n.cache and h.hash = n.hash and b.active
    )
