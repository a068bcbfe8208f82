-- $1: cache; $2: hash parts, bytea[]; $3: keys, text[]; $4: values, as many. By hash, so that
-- concurrent writers never wait for each other in a circle.
insert into tag (cache, hash, key, value)
select $1, p.hash, t.key, t.value
from unnest($2::bytea[]) p (hash)
cross join unnest($3::text[], $4::text[]) t (key, value)
order by p.hash, t.key, t.value
on conflict do nothing
returning hash
