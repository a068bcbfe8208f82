-- How much is in a cache. $1: cache.
select count(*), coalesce(sum(nar_size), 0) from narinfo where cache = $1
