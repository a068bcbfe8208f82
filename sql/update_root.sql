-- $1: id; the others as in insert_root, from $2 (kind) on.
update root
set
    kind = $2,
    item = nullif($3, ''),
    paths = $4::int[],
    channel = nullif($5, '')::int,
    bumped_at = to_timestamp(nullif($6, '')::bigint),
    never_delete = $7::boolean,
    owner = $8,
    reason = $9,
    expires_at = to_timestamp(nullif($10, '')::bigint)
where id = $1
