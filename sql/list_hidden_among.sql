-- Of these paths ($2: path ids, int[]) those that a hide batch ($1) has. OFFSET 0: see find_narinfos.
select p.hash
from unnest($2::int[]) u (id)
cross join lateral (select cache, hash from path where id = u.id offset 0) p
where
    exists (
        select from hidden h where h.cache = p.cache and h.hash = p.hash and h.batch = $1::int offset 0
    )
