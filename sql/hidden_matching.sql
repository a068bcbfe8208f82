-- Paths of hide batches, active or not, whose names match. $1: cache; $2: a regular expression. OFFSET
-- 0: see find_narinfos.
select distinct h.hash
from hidden h
cross join lateral (
    select name from narinfo where cache = h.cache and hash = h.hash offset 0
) n
where h.cache = $1 and n.name ~ $2
