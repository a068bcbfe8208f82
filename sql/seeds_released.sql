-- The path ids of a cache's roots that don't live, each with its root's id. $1: cache; $2: the
-- living ones, int[].
select r.id, u.path
from root r
cross join unnest(r.paths) u (path)
where r.cache = $1::smallint and r.id <> all($2::int[])
