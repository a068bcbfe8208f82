-- Where NARs of a cache ($1) are; the n-th of each is one place: $2: hash parts of the narinfos that say so,
-- bytea[]; $3: the NARs' URLs, text[]; $4: sites, smallint[]; $5: paths there, text[].
-- Only of NARs that the stored narinfo names: a narinfo that was there already may name others.
-- OFFSET 0: see find_narinfos.
insert into nar_location (nar, site, path)
select distinct on (n.id, u.site) n.id, u.site, u.path
from unnest($2::bytea[], $3::text[], $4::smallint[], $5::text[]) u (hash, url, site, path)
cross join lateral (select id from nar where cache = $1 and url = u.url offset 0) n
cross join lateral (
    select from narinfo_nar where cache = $1 and hash = u.hash and nar = n.id offset 0
) named
order by n.id, u.site
on conflict do nothing
