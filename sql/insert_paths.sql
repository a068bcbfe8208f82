-- Gives ids to the paths that have none. $1: cache; $2: hash parts, bytea[], references before their
-- referrers. Ids are drawn in that order, and only for absent paths; rows go in by hash, so that
-- concurrent publishers never wait for each other in a circle. OFFSET 0 in the
-- lookup: see find_narinfos.
insert into path (id, cache, hash)
select numbered.id, $1, numbered.hash
from (
    select nextval('path_id')::int as id, absent.hash
    from (
        select u.hash
        from unnest($2::bytea[]) with ordinality u (hash, ord)
        where not exists (select from path p where p.cache = $1 and p.hash = u.hash offset 0)
        order by u.ord
        offset 0
    ) absent
    offset 0
) numbered
order by numbered.hash
on conflict (cache, hash) do nothing
