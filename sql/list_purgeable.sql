-- The paths of a plan ($1) that its hide batch ($2) still hides, before a path id ($3), at most $4, from
-- the highest id down: nearly always referrers first. OFFSET 0: see find_narinfos.
select x.path, p.hash
from plan_path x
cross join lateral (select cache, hash from path where id = x.path offset 0) p
where
    x.plan = $1::int
    and x.path < $3::int
    and exists (
        select from hidden h
        where
            h.cache = p.cache
            and h.hash = p.hash
            and h.batch = $2::int
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
order by x.path desc
limit $4::int
