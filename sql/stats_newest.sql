-- $1: cache; $2: how many.
select hash, name, nar_size, to_char(first_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from narinfo
where cache = $1
order by first_seen desc, hash
limit $2
