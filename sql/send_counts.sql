-- The figures of the region that calls (region_count). $1: caches, smallint[]; $2: hash parts, bytea[];
-- $3: days since 1970-01-01 (UTC), bigint[]; $4: served, bigint[]; $5: hidden, bigint[]: as many.
select region_count(
    $1::smallint[],
    $2::bytea[],
    array(
        select date '1970-01-01' + u.day::int
        from unnest($3::bigint[]) with ordinality u (day, n)
        order by u.n
    ),
    $4::bigint[],
    $5::bigint[]
)
