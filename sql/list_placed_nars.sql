-- NARs that are on the primary's disks, newest first: id, cache, URL, hash and size of the file. $1: only
-- those with a lower id; $2: at most so many.
select n.id, c.name, n.url, encode(n.file_hash, 'hex'), n.file_size
from nar n
join cache c on c.id = n.cache
where
    n.id < $1
    and exists (
        select from nar_location l join site s on s.id = l.site where l.nar = n.id and s.kind = 'file'
    )
order by n.id desc
limit $2
