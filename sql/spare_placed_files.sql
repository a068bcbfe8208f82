-- Of the condemned files after a site ($1) and path ($2), the next $3, those in which NARs have come to be
-- again, by an import: they stay. OFFSET 0: see find_narinfos.
delete from condemned_nar c
using (
    select site, path
    from condemned_nar
    where (site, path) > ($1::smallint, $2::text)
    order by site, path
    limit $3::int
) b
where
    c.site = b.site
    and c.path = b.path
    and exists (
        select from nar_location l where l.path = c.path and l.site = c.site offset 0
    )
