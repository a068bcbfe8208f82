-- The caches other than the one that every database is made with, as it is made.
select name, store_dir
from cache
where
    (name, store_dir, priority, want_mass_query, visibility, sign_uploads, allow_gaps)
    <> ('default', '/nix/store', 40, true, 'public', false, false)
    or cardinality(trusted_keys) + cardinality(authorized_keys) + cardinality(upstreams) > 0
order by id
