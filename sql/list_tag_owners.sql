-- The tags of a cache's narinfos: key, value, path id, NarSize. $1: cache.
select t.key, t.value, p.id, n.nar_size
from tag t
join path p on p.cache = t.cache and p.hash = t.hash
join narinfo n on n.cache = t.cache and n.hash = t.hash
where t.cache = $1::smallint
