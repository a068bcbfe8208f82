-- Which of these NARs narinfos name that were purged within $4 days. $1: names of caches, text[]; $2: URLs,
-- as nar_path has them, text[]; $3: the same as nar_target spells them. OFFSET 0: see find_narinfos.
-- But for the URLs no condition fits an index: of the narinfos of a cache, or of some months, there are
-- too many. To be run after read_by_bitmap.
select u.ord
from unnest($1::text[], $2::text[], $3::text[]) with ordinality u (cache, url, target, ord)
cross join lateral (select id from cache where name = u.cache offset 0) c
where
    exists (
        select from purged_narinfo z
        where
            narinfo_urls(z.text) && array[u.url, u.target]
            and z.cache + 0 = c.id
            and z.purged_at + make_interval(days => $4::int) > now()
        offset 0
    )
