-- What marks start from. $1: the roots' ids, int[], in whose order they come.
select r.id, r.name, r.kind, r.paths, coalesce(r.item, ''), r.never_delete
from unnest($1::int[]) with ordinality u (id, ord)
join root r on r.id = u.id
order by u.ord
