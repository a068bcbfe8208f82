-- Of days more than $1 ago, $2 rows at most, the oldest first, and only what the primary has.
delete from own_count c
using (
    select cache, hash, day from own_count
    where day < (now() at time zone 'UTC')::date - $1::int and sent
    order by day
    limit $2
    for update skip locked
) old
where c.cache = old.cache and c.hash = old.hash and c.day = old.day
returning 1
