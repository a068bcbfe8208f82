-- Stores the staged narinfos that the cache ($1) doesn't have; returns their hash parts.
insert into narinfo (cache, hash, name, text, nar_hash, nar_size, deriver, ca, system)
select $1, hash, name, text, nar_hash, nar_size, deriver, ca, system
from staged_narinfo
order by hash
on conflict (cache, hash) do nothing
returning hash
