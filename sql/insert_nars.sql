insert into nar (cache, url, compression, file_hash, file_size)
select distinct on (url) $1, url, compression, file_hash, file_size
from staged_nar
where linked
order by url
on conflict (cache, url) do nothing
