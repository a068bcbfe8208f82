-- The ids of paths and whether each has a narinfo, in the order asked. $1: cache; $2: hash parts, bytea[].
-- A statement of its own after insert_paths: its snapshot sees what other publishers committed.
-- OFFSET 0: see find_narinfos.
select p.id, exists (select from graph g where g.id = p.id offset 0)
from unnest($2::bytea[]) with ordinality u (hash, ord)
cross join lateral (select id from path where cache = $1 and hash = u.hash offset 0) p
order by u.ord
