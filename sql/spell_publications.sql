-- The statements after which the publications hold what the tables' comments say; none where they do.
select format(
    case when p.oid is null
        then 'create publication %I for table %s'
        else 'alter publication %I set table %s'
    end,
    w.publication,
    w.tables
)
from (
    select
        'narthex_' || split_part(obj_description(oid, 'pg_class'), ':', 1) as publication,
        string_agg(oid::regclass::text, ', ' order by relname) as tables,
        array_agg(oid order by oid) as oids
    from pg_class
    where
        relkind = 'r'
        and relnamespace = 'public'::regnamespace
        and obj_description(oid, 'pg_class') ~ '^(serve|full):'
    group by 1
) w
left join pg_publication p on p.pubname = w.publication
where w.oids is distinct from (select array_agg(prrelid order by prrelid) from pg_publication_rel where prpubid = p.oid)
order by w.publication
