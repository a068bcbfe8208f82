-- Narinfos that contradict what the cache ($1) holds of their path: their hash parts. The n-th of each is one
-- narinfo's: $2: hash parts, bytea[]; $3: names, text[]; $4: NAR hashes, bytea[]; $5: NAR sizes, bigint[].
-- OFFSET 0: see find_narinfos.
select u.hash
from unnest($2::bytea[], $3::text[], $4::bytea[], $5::bigint[]) u (hash, name, nar_hash, nar_size)
cross join lateral (
    select nar_hash, nar_size, name
    from narinfo
    where cache = $1 and hash = u.hash
    offset 0
) n
where (n.nar_hash, n.nar_size, n.name) is distinct from (u.nar_hash, u.nar_size, u.name)
