-- Where the NARs asked for are, of those in local directories.
-- $1: cache; $2: distinct URLs as narinfos name them, text[]. OFFSET 0: see find_narinfos.
select n.url, s.base, l.path
from unnest($2::text[]) u (url)
cross join lateral (select id, url from nar where cache = $1 and url = u.url offset 0) n
cross join lateral (select site, path from nar_location where nar = n.id offset 0) l
cross join lateral (select base from site where id = l.site and kind = 'file' offset 0) s
order by l.site
