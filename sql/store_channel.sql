-- $1: cache; $2: name; $3: status; $4: how many are kept, '' for all that the status keeps; $5: their
-- greatest age in seconds, '' for any.
insert into channel (cache, name, status, keep_last, max_age)
values ($1, $2, $3, nullif($4, '')::int, make_interval(secs => nullif($5, '')::bigint))
on conflict (cache, name) do update
set status = excluded.status, keep_last = excluded.keep_last, max_age = excluded.max_age
returning id
