-- Which of these NARs have a row. $1: names of caches, text[]; $2: URLs, as nar_path has them, text[], as
-- many. OFFSET 0: see find_narinfos.
select u.ord
from unnest($1::text[], $2::text[]) with ordinality u (cache, url, ord)
cross join lateral (select id from cache where name = u.cache offset 0) c
cross join lateral (select id from nar where cache = c.id and url = u.url offset 0) n
