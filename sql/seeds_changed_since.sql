-- Path ids of what was published and restored since a plan's ($1) snapshot, told by transactions, not by
-- the clock. Of a restored batch: all that it has, unless it is the plan's own, which is hidden again.
-- OFFSET 0: see find_narinfos.
select p.id
from plan l
cross join lateral (
    select c.hashes, c.batch
    from change c
    where
        c.xid >= pg_snapshot_xmin(l.snapshot)
        and not pg_visible_in_snapshot(c.xid, l.snapshot)
        and c.cache = l.cache
        and c.kind in ('published', 'restored')
        and c.batch is distinct from l.batch
    offset 0
) c
cross join lateral (
    select unnest(c.hashes) as hash
    union all
    select h.hash from hidden h where h.batch = c.batch
) w
cross join lateral (select id from path where cache = l.cache and hash = w.hash offset 0) p
where l.id = $1::int
