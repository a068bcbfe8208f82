-- Paths of a plan ($1) that have no row in its hide batch ($2): somebody wanted them for a while.
-- OFFSET 0: see find_narinfos.
select x.path
from plan_path x
cross join lateral (select cache, hash from path where id = x.path offset 0) p
where
    x.plan = $1::int
    and not exists (
        select from hidden h where h.cache = p.cache and h.hash = p.hash and h.batch = $2::int offset 0
    )
