-- The paths that were asked for most, hidden ones too. $1: cache; $2: in how many days, today included;
-- $3: how many paths.
select r.hash, n.name, r.served, r.hidden
from (
    select hash, sum(served) as served, sum(hidden) as hidden
    from request_count
    where cache = $1 and day > (now() at time zone 'UTC')::date - $2::int
    group by hash
) r
join narinfo n on n.cache = $1 and n.hash = r.hash
order by r.served + r.hidden desc, r.hash
limit $3
