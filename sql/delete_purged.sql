-- All that is left of purged narinfos, but their rows of path: what refers to them keeps their ids, and
-- so do they when they are published again. $1: cache; $2: hash parts, bytea[]; $3: path ids, int[].
with lines as (
    delete from narinfo_line where cache = $1::smallint and hash = any($2::bytea[])
),
tags as (
    delete from tag where cache = $1 and hash = any($2)
),
companions as (
    delete from companion where cache = $1 and output_hash = any($2)
),
references_of as (
    delete from graph where id = any($3::int[])
),
batches as (
    delete from hidden where cache = $1 and hash = any($2)
)
delete from narinfo where cache = $1 and hash = any($2)
