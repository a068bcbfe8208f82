-- How often paths were asked for today (UTC) and within $2 days before, by path id. $1: cache.
select p.id, sum(r.served + r.hidden)::bigint
from request_count r
join path p on p.cache = r.cache and p.hash = r.hash
where
    r.cache = $1::smallint
    and r.day >= (now() at time zone 'UTC')::date - $2::int
group by p.id
