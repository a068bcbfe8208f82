-- Stores the narinfos that the cache ($1) doesn't have; returns their hash parts. The n-th of each is one
-- narinfo's: $2: hash parts, bytea[]; $3: names, text[]; $4: texts, text[]; $5: NAR hashes, bytea[];
-- $6: NAR sizes, bigint[]; $7: derivers, $8: content addresses, $9: systems, text[] with nulls.
insert into narinfo (cache, hash, name, text, nar_hash, nar_size, deriver, ca, system)
select $1, u.*
from unnest(
    $2::bytea[],
    $3::text[],
    $4::text[],
    $5::bytea[],
    $6::bigint[],
    $7::text[],
    $8::text[],
    $9::text[]
) u (hash, name, text, nar_hash, nar_size, deriver, ca, system)
order by u.hash
on conflict (cache, hash) do nothing
returning hash
