-- The newest first. $1: cache; $2: not older than this, in seconds since 1970; $3: ids below this;
-- $4: at most so many.
select
    id, extract(epoch from at)::bigint, who, action, cache, subject, reason, details::text
from audit
where (cache = $1 or cache is null) and at >= to_timestamp($2::bigint) and id < $3::bigint
order by id desc
limit $4
