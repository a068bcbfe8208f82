-- Path ids of a cache's narinfos whose content says what their hash part is. $1: cache.
select p.id
from narinfo n
join path p on p.cache = n.cache and p.hash = n.hash
where n.cache = $1::smallint and n.ca is not null
