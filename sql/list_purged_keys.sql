-- Purged NARs that somebody else has to remove, unless a NAR has come to be there again. $1: cache;
-- $2: plan (0: all); $3: after this number; $4: at most so many. OFFSET 0: see find_narinfos.
select k.id, coalesce(s.base || '/', '') || k.path
from purged_nar k
join plan l on l.id = k.plan
left join site s on s.id = k.site
where
    l.cache = $1::smallint
    and ($2::int = 0 or k.plan = $2)
    and k.id > $3::bigint
    and not exists (
        select from nar_location o where o.path = k.path and o.site = k.site offset 0
    )
    and not exists (
        select from cache c
        cross join lateral (
            select from nar where cache = c.id and url = k.path and k.site is null offset 0
        ) n
    )
order by k.id
limit $4::int
