-- Rows of at most $4 paths. $1: kind; $2: cache; $3: hash parts, bytea[].
insert into change (kind, cache, hashes)
select $1, $2::smallint, array_agg(u.hash order by u.ord)
from unnest($3::bytea[]) with ordinality u (hash, ord)
group by (u.ord - 1) / $4::int
order by (u.ord - 1) / $4::int
