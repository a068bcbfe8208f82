-- The same paths one by one, after the hash part $3, $4 at most, in the order of their hash parts.
select
    n.hash,
    n.name,
    n.nar_size,
    to_char(n.first_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from narinfo n
where
    n.cache = $1
    and n.hash > $3::bytea
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
order by n.hash
limit $4
