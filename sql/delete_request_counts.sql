-- Of counts older than $1 days, $2 at most, whichever other servers aren't deleting.
delete from request_count r
using (
    select cache, hash, day, region from request_count
    where day < (now() at time zone 'UTC')::date - $1::int
    limit $2
    for update skip locked
) old
where
    r.cache = old.cache
    and r.hash = old.hash
    and r.day = old.day
    and r.region = old.region
returning 1
