-- $1: cache; $2: name; $3: kind; $4: item, '' for none; $5: path ids, int[]; $6: channel, '' for none;
-- $7: when it was bumped, in seconds since 1970, '' for no bump; $8: never delete; $9: owner; $10:
-- reason; $11: when it expires, '' for never. No row when there is one of that name.
insert into root
    (cache, name, kind, item, paths, channel, bumped_at, never_delete, owner, reason, expires_at)
values (
    $1, $2, $3, nullif($4, ''), $5::int[], nullif($6, '')::int,
    to_timestamp(nullif($7, '')::bigint), $8::boolean, $9, $10,
    to_timestamp(nullif($11, '')::bigint)
)
on conflict (cache, name) do nothing
returning id
