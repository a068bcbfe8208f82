-- As add_request_counts, of a region.
insert into own_count (cache, hash, day, served, hidden)
select u.cache, u.hash, date '1970-01-01' + u.day, u.served, u.hidden
from unnest($1::smallint[], $2::bytea[], $3::int[], $4::bigint[], $5::bigint[])
    u (cache, hash, day, served, hidden)
order by u.cache, u.hash, u.day
on conflict (cache, hash, day) do update
set
    served = own_count.served + excluded.served,
    hidden = own_count.hidden + excluded.hidden,
    sent = false
