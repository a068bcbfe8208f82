-- Which of the paths are hidden and have been asked for at least $3 times since.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many: the n-th path is ($1[n], $2[n]).
-- Days are as far as counts go: what was missed earlier on the day of hiding counts, too.
select u.ord
from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
where
    exists (
        select from hidden h
        join hide_batch b on b.id = h.batch and b.active
        left join plan p on p.batch = b.id
        where
            h.cache = u.cache
            and h.hash = u.hash
            and (
                select sum(r.hidden) from request_count r
                where
                    r.cache = u.cache
                    and r.hash = u.hash
                    and r.day >= (coalesce(p.hidden_at, b.created_at) at time zone 'UTC')::date
            ) >= $3::bigint
    )
