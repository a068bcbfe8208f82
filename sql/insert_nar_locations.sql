-- Only of NARs that the stored narinfo names: a narinfo that was there already may name others.
-- OFFSET 0: see find_narinfos.
insert into nar_location (nar, site, path)
select distinct on (n.id, s.site) n.id, s.site, s.path
from staged_nar s
cross join lateral (select id from nar where cache = $1 and url = s.url offset 0) n
cross join lateral (
    select from narinfo_nar where cache = $1 and hash = s.hash and nar = n.id offset 0
) named
where s.site is not null
order by n.id, s.site
on conflict do nothing
