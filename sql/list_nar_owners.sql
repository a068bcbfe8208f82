-- The NARs of a cache with the path ids of the narinfos that name them, by NAR: id, FileSize (0 where
-- it isn't known), path id. $1: cache.
select l.nar, coalesce(a.file_size, 0), p.id
from narinfo_nar l
join path p on p.cache = l.cache and p.hash = l.hash
join nar a on a.id = l.nar
where l.cache = $1::smallint
order by l.nar
