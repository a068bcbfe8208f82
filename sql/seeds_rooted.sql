-- The path ids of these roots ($1: int[]), each with its root's id.
select r.id, u.path
from root r
cross join unnest(r.paths) u (path)
where r.id = any($1::int[])
