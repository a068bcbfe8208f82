-- Where the NARs asked for are, of those in local directories (0) and on other servers (1), and what is
-- known of each file. $1: caches, smallint[]; $2: URLs as narinfos name them, text[], as many: the n-th
-- NAR is ($1[n], $2[n]). OFFSET 0: see find_narinfos.
select u.ord, s.base || '/' || l.path, (s.kind = 'url')::int, n.file_hash, n.file_size
from unnest($1::smallint[], $2::text[]) with ordinality u (cache, url, ord)
cross join lateral (
    select id, file_hash, file_size from nar where cache = u.cache and url = u.url offset 0
) n
cross join lateral (select site, path from nar_location where nar = n.id offset 0) l
cross join lateral (
    select base, kind from site where id = l.site and kind in ('file', 'url') offset 0
) s
order by l.site
