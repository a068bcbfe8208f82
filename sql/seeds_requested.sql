-- Path ids that somebody asked a cache for today (UTC) or within $2 days before. $1: cache.
select distinct p.id
from request_count r
join path p on p.cache = r.cache and p.hash = r.hash
where
    r.cache = $1::smallint
    and r.day >= (now() at time zone 'UTC')::date - $2::int
