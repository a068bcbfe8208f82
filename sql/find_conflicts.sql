-- Staged narinfos that contradict what the cache ($1) holds of their path, by place in the batch.
-- OFFSET 0: see find_narinfos.
select s.ord
from staged_narinfo s
cross join lateral (
    select nar_hash, nar_size, name
    from narinfo
    where cache = $1 and hash = s.hash
    offset 0
) n
where (n.nar_hash, n.nar_size, n.name) is distinct from (s.nar_hash, s.nar_size, s.name)
