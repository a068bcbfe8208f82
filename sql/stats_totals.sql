-- $1: cache. Narinfos, hidden ones, bytes of NARs unpacked, bytes of texts, the first and the last
-- that came.
select
    count(*),
    count(*) filter (
        where exists (
            select from hidden h join hide_batch b on b.id = h.batch
            where h.cache = n.cache and h.hash = n.hash and b.active
        )
    ),
    coalesce(sum(n.nar_size), 0),
    coalesce(sum(octet_length(n.text)), 0),
    to_char(min(n.first_seen) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    to_char(max(n.first_seen) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from narinfo n
where n.cache = $1
