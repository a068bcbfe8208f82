-- Path ids that a publisher was told are there, while that has to stay true. $1: cache.
select p.id
from lease l
join path p on p.cache = l.cache and p.hash = l.hash
where l.cache = $1::smallint and l.until > now()
