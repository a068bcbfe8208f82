-- $1: cache.
select id, name, status, keep_last, extract(epoch from max_age)::bigint
from channel
where cache = $1
order by name
