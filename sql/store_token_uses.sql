-- $1: tokens, int[]; $2: when each was used, bigint[], seconds since 1970, as many. In the order of the
-- tokens, so that servers which store the same ones never wait for each other in a circle.
insert into token_use (token, used_at)
select u.token, to_timestamp(u.used_at)
from unnest($1::int[], $2::bigint[]) u (token, used_at)
order by u.token
on conflict (token) do update
set used_at = excluded.used_at
where token_use.used_at < excluded.used_at
