-- Path ids of a cache's narinfos that came within the last $2 seconds. $1: cache.
select p.id
from narinfo n
join path p on p.cache = n.cache and p.hash = n.hash
where n.cache = $1::smallint and n.first_seen > now() - $2::bigint * interval '1 second'
