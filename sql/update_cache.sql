-- $1: name; the rest as in insert_cache.
update cache
set
    store_dir = $2,
    priority = $3,
    want_mass_query = $4::boolean,
    visibility = $5,
    trusted_keys = $6::text[],
    authorized_keys = $7::text[],
    sign_uploads = $8::boolean,
    allow_gaps = $9::boolean,
    upstreams = $10::text[]
where name = $1
returning id
