-- The statements that give the role to which all regions' roles belong what they need: to read what is
-- copied, to know which primary this is, to call the functions made for them.
select statement
from (
    select 1, 'create role narthex_regions nologin'
    where not exists (select from pg_roles where rolname = 'narthex_regions')
    union all
    select 2, format('grant connect on database %I to narthex_regions', current_database())
    union all
    select 3, 'grant usage on schema public to narthex_regions'
    union all
    select 4, format('grant select on %s to narthex_regions', string_agg(oid::regclass::text, ', '))
    from pg_class
    where
        relkind = 'r'
        and relnamespace = 'public'::regnamespace
        and obj_description(oid, 'pg_class') ~ '^(serve|full):'
    union all
    select 5, 'grant select on schema_migration to narthex_regions'
    union all
    select 6, 'grant select (id, role, epoch, url, replaced_by) on instance to narthex_regions'
    union all
    select
        7, format('grant execute on function %s to narthex_regions', string_agg(oid::regprocedure::text, ', '))
    from pg_proc
    where pronamespace = 'public'::regnamespace and proname ~ '^region_'
) s (step, statement)
order by step
