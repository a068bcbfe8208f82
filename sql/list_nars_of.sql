-- The NARs of these narinfos and their places in local directories; null where there is none.
-- $1: cache; $2: hash parts, bytea[]. OFFSET 0: see find_narinfos.
select u.hash, n.id, n.url, n.file_hash, n.file_size, l.site, s.base || '/' || l.path
from unnest($2::bytea[]) u (hash)
cross join lateral (select nar from narinfo_nar where cache = $1 and hash = u.hash offset 0) w
cross join lateral (select id, url, file_hash, file_size from nar where id = w.nar offset 0) n
left join lateral (select site, path from nar_location where nar = n.id offset 0) l on true
left join lateral (select base from site where id = l.site and kind = 'file' offset 0) s on true
order by u.hash, n.id, l.site
