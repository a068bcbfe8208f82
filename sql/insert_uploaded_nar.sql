-- $1: cache; $2: URL; $3: SHA-256 of the file, bytea; $4: its size. No row when it is known already.
insert into nar (cache, url, file_hash, file_size)
values ($1, $2, $3::bytea, $4)
on conflict (cache, url) do nothing
returning id
