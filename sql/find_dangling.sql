-- Of the paths with these ids ($1: int[]), those that have no narinfo. OFFSET 0: see find_narinfos.
select p.hash
from unnest($1::int[]) u (id)
cross join lateral (select hash from path where id = u.id offset 0) p
where not exists (select from graph g where g.id = u.id offset 0)
order by p.hash
