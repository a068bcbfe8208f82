-- Of these paths, those that are in hide batches, active or not. $1: cache; $2: hash parts, bytea[].
-- OFFSET 0: see find_narinfos.
select u.hash
from unnest($2::bytea[]) u (hash)
where exists (select from hidden h where h.cache = $1::smallint and h.hash = u.hash offset 0)
