-- OFFSET 0: see find_narinfos.
insert into narinfo_nar (cache, hash, nar)
select $1, s.hash, n.id
from staged_nar s
cross join lateral (select id from nar where cache = $1 and url = s.url offset 0) n
where s.linked
on conflict do nothing
