-- NARs of a cache ($1) by compression: how many, bytes of the files whose size is known, how many
-- have a place.
select
    coalesce(n.compression, '(not named)'),
    count(*),
    coalesce(sum(n.file_size), 0),
    count(*) filter (where exists (select from nar_location l where l.nar = n.id))
from nar n
where n.cache = $1
group by n.compression
order by count(*) desc, n.compression
