-- NARs of new narinfos of a cache ($1); the n-th of each is one NAR's: $2: URLs, text[]; $3: compressions,
-- text[]; $4: file hashes, bytea[] with nulls; $5: file sizes, bigint[] with nulls.
-- A NAR that was uploaded is there already, and lacks only what a narinfo tells.
insert into nar (cache, url, compression, file_hash, file_size)
select distinct on (u.url) $1, u.url, u.compression, u.file_hash, u.file_size
from unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[]) u (url, compression, file_hash, file_size)
order by u.url
on conflict (cache, url) do update set compression = excluded.compression
where nar.compression is null
