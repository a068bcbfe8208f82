-- Path ids of a plan ($1) that were asked for since it was made, as far as days tell.
-- OFFSET 0: see find_narinfos.
select distinct p.id
from plan l
cross join lateral (
    select hash
    from request_count
    where day >= (l.created_at at time zone 'UTC')::date and cache = l.cache and served > 0
    offset 0
) r
cross join lateral (select id from path where cache = l.cache and hash = r.hash offset 0) p
where
    l.id = $1::int
    and exists (select from plan_path x where x.plan = l.id and x.path = p.id offset 0)
