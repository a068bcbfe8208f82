-- Of these NARs ($1: bigint[]) those that no narinfo names go. Files here are condemned, unless other
-- NARs are in them; the others are noted for whoever removes them ($2: plan). Returns how many of each.
-- OFFSET 0: see find_narinfos.
with orphan as (
    select u.nar
    from unnest($1::bigint[]) u (nar)
    where not exists (select from narinfo_nar w where w.nar = u.nar offset 0)
),
placed as (
    delete from nar_location where nar = any(array(select nar from orphan))
    returning nar, site, path
),
forgotten as (
    delete from upload u using placed p where u.site = p.site and u.path = p.path
),
gone as (
    delete from nar where id = any(array(select nar from orphan))
    returning id, url
),
unneeded as (
    select distinct p.site, p.path
    from placed p
    where
        not exists (
            select from nar_location l
            where
                l.path = p.path
                and l.site = p.site
                and not exists (select from orphan o where o.nar = l.nar)
            offset 0
        )
),
condemned as (
    insert into condemned_nar (site, path)
    select u.site, u.path
    from unneeded u
    join site s on s.id = u.site and s.kind = 'file'
    on conflict do nothing
    returning 1
),
elsewhere as (
    insert into purged_nar (site, path, plan)
    select u.site, u.path, $2::int
    from unneeded u
    join site s on s.id = u.site and s.kind <> 'file'
    union all
    select null, g.url, $2::int
    from gone g
    where
        not exists (select from placed p where p.nar = g.id)
        and not exists (
            select from cache c
            cross join lateral (
                select id from nar where cache = c.id and url = g.url offset 0
            ) n
            where not exists (select from orphan o where o.nar = n.id)
        )
    returning 1
)
select (select count(*) from condemned), (select count(*) from elsewhere)
