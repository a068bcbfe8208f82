-- Which of the NARs asked for have a place, wherever that is. $1: caches, smallint[]; $2: URLs as narinfos
-- name them, text[], as many: the n-th NAR is ($1[n], $2[n]). OFFSET 0: see find_narinfos.
select u.ord
from unnest($1::smallint[], $2::text[]) with ordinality u (cache, url, ord)
cross join lateral (select id from nar where cache = u.cache and url = u.url offset 0) n
where exists (select from nar_location l where l.nar = n.id offset 0)
