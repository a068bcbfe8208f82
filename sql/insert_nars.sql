-- A NAR that was uploaded is there already, and lacks only what a narinfo tells.
insert into nar (cache, url, compression, file_hash, file_size)
select distinct on (url) $1, url, compression, file_hash, file_size
from staged_nar
where linked
order by url
on conflict (cache, url) do update set compression = excluded.compression
where nar.compression is null
