-- Old uploads, at most $3 of them: those that a narinfo names are forgotten as uploads; the NARs of
-- the others go, and their files are condemned. $1: site; $2: age in seconds.
-- Returns how many were looked at, and how many were condemned. OFFSET 0: see find_narinfos.
with old as (
    select u.site, u.path, u.nar
    from upload u
    where u.site = $1 and u.uploaded_at < now() - make_interval(secs => $2::int)
    order by u.uploaded_at
    limit $3::int
),
forgotten as (
    delete from upload u using old where u.site = old.site and u.path = old.path
    returning old.site, old.path, old.nar
),
orphan as (
    select f.*
    from forgotten f
    where not exists (select from narinfo_nar x where x.nar = f.nar offset 0)
),
unplaced as (
    delete from nar_location l using orphan o where l.nar = o.nar and l.site = o.site
),
unknown as (
    delete from nar n using orphan o
    where
        n.id = o.nar
        and not exists (
            select from nar_location l where l.nar = o.nar and l.site <> o.site offset 0
        )
),
condemned as (
    insert into condemned_nar (site, path) select site, path from orphan returning 1
)
select (select count(*) from forgotten), (select count(*) from condemned)
