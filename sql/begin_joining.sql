-- $1: name; $2: kind; $3: URL, empty: as it is; $4: the primary's URL; $5: the primary's epoch; $6: token
update instance
set
    role = 'joining',
    name = $1,
    kind = $2,
    url = coalesce(nullif($3, ''), url),
    primary_url = nullif($4, ''),
    epoch = $5::bigint,
    token = $6,
    replaced_by = null
