-- Pull-through caches. Expected time: milliseconds, whatever the database holds: the default is kept
-- beside the table, no row is rewritten.

-- URLs without a slash at the end, the one to ask first first; none: an ordinary cache.
alter table cache add column upstreams text[] not null default '{}'
    check (array_position(upstreams, null) is null);
