-- Parameters: see add_request_counts. Not what has been added to since it was read.
-- OFFSET 0: see find_narinfos.
update own_count c
set sent = true
from (
    select * from unnest($1::smallint[], $2::bytea[], $3::int[], $4::bigint[], $5::bigint[])
        u (cache, hash, day, served, hidden)
    order by u.cache, u.hash, u.day
    offset 0
) u
where
    c.cache = u.cache
    and c.hash = u.hash
    and c.day = date '1970-01-01' + u.day
    and c.served = u.served
    and c.hidden = u.hidden
    and not c.sent
