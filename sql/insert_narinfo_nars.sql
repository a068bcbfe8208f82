-- The n-th narinfo ($2: hash parts, bytea[]) of a cache ($1) names the n-th NAR ($3: URLs, text[]).
-- OFFSET 0: see find_narinfos.
insert into narinfo_nar (cache, hash, nar)
select $1, u.hash, n.id
from unnest($2::bytea[], $3::text[]) u (hash, url)
cross join lateral (select id from nar where cache = $1 and url = u.url offset 0) n
on conflict do nothing
