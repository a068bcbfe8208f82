-- All that is left of purged narinfos, but their rows of path: what refers to them keeps their ids, and
-- so do they when they are published again. $1: cache; $2: hash parts, bytea[]; $3: path ids, int[].
with lines as (
    delete from narinfo_line l using unnest($2::bytea[]) u (hash)
    where l.cache = $1::smallint and l.hash = u.hash
),
tags as (
    delete from tag t using unnest($2::bytea[]) u (hash) where t.cache = $1 and t.hash = u.hash
),
companions as (
    delete from companion c using unnest($2::bytea[]) u (hash)
    where c.cache = $1 and c.output_hash = u.hash
),
references_of as (
    delete from graph g using unnest($3::int[]) u (id) where g.id = u.id
),
batches as (
    delete from hidden h using unnest($2::bytea[]) u (hash) where h.cache = $1 and h.hash = u.hash
)
delete from narinfo n using unnest($2::bytea[]) u (hash) where n.cache = $1 and n.hash = u.hash
