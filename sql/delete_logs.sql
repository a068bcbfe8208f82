-- Build logs of derivers that narinfos purged by a plan ($1) named, and that no narinfo of the cache ($2)
-- names any more.
delete from companion c
using (
    select distinct substring(text from '\nDeriver: ([^\n]+)\n') as name
    from purged_narinfo
    where plan = $1::int
) d
where
    c.cache = $2::smallint
    and c.kind = 'log'
    and c.path = 'log/' || d.name
    and not exists (select from narinfo n where n.cache = $2 and n.deriver = d.name)
