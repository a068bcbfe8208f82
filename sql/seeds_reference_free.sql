-- Path ids of a cache's narinfos that refer to nothing but themselves: sources, most of all.
-- $1: cache.
select g.id
from graph g
join path p on p.id = g.id
where p.cache = $1::smallint and g.refs <@ array[g.id]
