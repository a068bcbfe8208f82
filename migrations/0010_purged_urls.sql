-- Purged narinfos by the URLs of their NARs: a region that keeps longer than its primary asks whether a
-- file that no row names is one of these (docs/regions.md). Expected time: the archive is read once
-- (about 15 seconds for a million rows).

-- As they stand in the text, without their queries: nar_path's but for percent-encoding.
create function narinfo_urls(text text) returns text[] language sql immutable strict parallel safe as $$
    select coalesce(array_agg(split_part(substr(line, 6), '?', 1)), '{}')
    from unnest(string_to_array($1, e'\n')) line
    where line like 'URL: %'
$$;

-- Its pending list would be read by every question.
create index purged_narinfo_urls on purged_narinfo using gin (narinfo_urls(text)) with (fastupdate = off);
