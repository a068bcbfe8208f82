-- $1: caches, smallint[]; $2: hash parts, bytea[]; $3: days since 1970-01-01 (UTC), int[]; $4: how often
-- the path was served, bigint[]; $5: how often it was asked for while hidden, bigint[]: as many.
-- In the order of the keys, so that servers which count the same paths never wait for each other in
-- a circle.
insert into request_count (cache, hash, day, served, hidden)
select u.cache, u.hash, date '1970-01-01' + u.day, u.served, u.hidden
from unnest($1::smallint[], $2::bytea[], $3::int[], $4::bigint[], $5::bigint[])
    u (cache, hash, day, served, hidden)
order by u.cache, u.hash, u.day
on conflict (cache, hash, day, region) do update
set
    served = request_count.served + excluded.served,
    hidden = request_count.hidden + excluded.hidden
