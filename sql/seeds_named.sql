-- Path ids of a cache's narinfos whose names a pattern root matches. $1: cache; $2: regular
-- expression.
select p.id
from narinfo n
join path p on p.cache = n.cache and p.hash = n.hash
where n.cache = $1::smallint and n.name ~ $2::text
