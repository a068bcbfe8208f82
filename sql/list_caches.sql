select
    id, name, store_dir, priority, want_mass_query, visibility, trusted_keys, authorized_keys, sign_uploads,
    allow_gaps, upstreams
from cache
order by id
