-- The references of paths ($1: int[]) that have a narinfo. OFFSET 0: see find_narinfos.
select u.id, g.refs
from unnest($1::int[]) u (id)
cross join lateral (select refs from graph where id = u.id offset 0) g
