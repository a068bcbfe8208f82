-- Guix's keys beside Nix's, and tags. Expected time: milliseconds; the tables that grow aren't
-- touched.

-- S-expressions, (public-key ...), one line each.
alter table cache add column authorized_keys text[] not null default '{}';

create table tag (
    cache smallint not null,
    hash bytea not null check (octet_length(hash) = 20),
    key text not null check (key ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$'),
    value text not null check (octet_length(value) between 1 and 256 and value !~ '[[:cntrl:]]'),
    primary key (cache, hash, key, value)
);
-- The paths of a tag, in the order of their hashes.
create index tag_key on tag (cache, key, value, hash);
comment on table tag is 'full: what operators note of paths (key=value), by import or by hand';
