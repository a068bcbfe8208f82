-- $1: name; $2: store directory; $3: priority; $4: answer mass queries; $5: visibility; $6: keys, text[];
-- $7: Guix's keys, text[]; $8: sign uploads; $9: allow gaps; $10: upstreams, text[].
-- No row when the name is taken.
insert into cache (
    name, store_dir, priority, want_mass_query, visibility, trusted_keys, authorized_keys, sign_uploads,
    allow_gaps, upstreams
)
values (
    $1, $2, $3, $4::boolean, $5, $6::text[], $7::text[], $8::boolean, $9::boolean, $10::text[]
)
on conflict (name) do nothing
returning id
