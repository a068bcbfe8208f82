-- $1: name; $2: login; $3: until when, seconds since 1970. No row when it has joined already.
insert into region (name, login, invite_until) values ($1, $2, to_timestamp($3::bigint))
on conflict (name) do update set invited_at = now(), invite_until = excluded.invite_until
where region.joined_at is null
returning true
