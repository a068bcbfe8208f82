-- What region $1 has counted itself and its primary may not have.
with moved as (delete from own_count returning cache, hash, day, served, hidden)
insert into request_count as c (cache, hash, day, region, served, hidden)
select cache, hash, day, $1, served, hidden
from moved
on conflict (cache, hash, day, region) do update
set served = greatest(c.served, excluded.served), hidden = greatest(c.hidden, excluded.hidden)
