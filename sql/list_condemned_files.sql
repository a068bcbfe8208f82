-- Files that wait to be unlinked, after a site ($1) and path ($2), at most $3.
select c.site, s.base, c.path
from condemned_nar c
join site s on s.id = c.site and s.kind = 'file'
where (c.site, c.path) > ($1::smallint, $2::text)
order by c.site, c.path
limit $3::int
