-- The NARs whose bytes are somewhere, of those asked for. $1: cache; $2: URLs, text[].
-- OFFSET 0: see find_narinfos.
select u.ord, encode(n.file_hash, 'hex'), n.file_size
from unnest($2::text[]) with ordinality u (url, ord)
cross join lateral (
    select id, file_hash, file_size from nar where cache = $1 and url = u.url offset 0
) n
where exists (select from nar_location l where l.nar = n.id offset 0)
