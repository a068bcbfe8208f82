-- NARs of a cache ($1) that no narinfo names, with an id over $2, at most $3 rows, and their places as
-- in list_nars_of. Not those that were uploaded lately: their narinfo may be on its way, and the sweep
-- looks after them.
select n.id, n.url, l.site, s.base || '/' || l.path
from (
    select id, url
    from nar
    where
        cache = $1
        and id > $2
        and not exists (select from narinfo_nar w where w.nar = nar.id)
        and not exists (
            select from nar_location p join upload u using (site, path) where p.nar = nar.id
        )
    order by id
    limit $3
) n
left join nar_location l on l.nar = n.id
left join site s on s.id = l.site and s.kind = 'file'
order by n.id, l.site
