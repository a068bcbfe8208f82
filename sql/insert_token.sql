-- $1: name; $2: hash; $3: scopes, text[]; $4: caches, smallint[], '' for all; $5: when it expires, in
-- seconds since 1970, '' for never. No row when a token that isn't revoked has the name.
insert into token (name, hash, scopes, caches, expires_at)
values ($1, $2::bytea, $3::text[], nullif($4, '')::smallint[], to_timestamp(nullif($5, '')::bigint))
on conflict (name) where revoked_at is null do nothing
returning id
