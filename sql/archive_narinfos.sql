-- Keeps narinfos as they are served, with the lines added later. $1: cache; $2: plan; $3: hash parts,
-- bytea[]. OFFSET 0: see find_narinfos.
insert into purged_narinfo (cache, hash, plan, name, text, nar_hash, nar_size, first_seen)
select
    $1::smallint,
    u.hash,
    $2::int,
    n.name,
    n.text || coalesce(
        (
            select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
            from narinfo_line l
            where l.cache = $1 and l.hash = u.hash
        ),
        ''
    ),
    n.nar_hash,
    n.nar_size,
    n.first_seen
from unnest($3::bytea[]) u (hash)
cross join lateral (
    select name, text, nar_hash, nar_size, first_seen
    from narinfo
    where cache = $1 and hash = u.hash
    offset 0
) n
returning nar_size
