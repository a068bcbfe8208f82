-- The statements that give the role to which all regions' roles belong what they need: to read what every region
-- copies, to know which primary this is and what it knows of them, to call the functions made for them; and
-- the role of those that have joined as full (region_accept) the rest of what is copied.
select statement
from (
    select 1, format('create role %I nologin', g.name)
    from (values ('narthex_regions'), ('narthex_full_regions')) g (name)
    where not exists (select from pg_roles where rolname = g.name)
    union all
    select 2, format('grant connect on database %I to narthex_regions', current_database())
    union all
    select 3, 'grant usage on schema public to narthex_regions'
    union all
    select
        4,
        format(
            'grant select on %s to %I',
            string_agg(oid::regclass::text, ', '),
            case kind when 'full' then 'narthex_full_regions' else 'narthex_regions' end
        )
    from (
        select oid, split_part(obj_description(oid, 'pg_class'), ':', 1) as kind
        from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace
    ) t
    where kind in ('serve', 'full')
    group by kind
    union all
    select 5, 'grant select on schema_migration to narthex_regions'
    union all
    select 6, 'grant select (id, role, epoch, url, replaced_by) on instance to narthex_regions'
    union all
    select 7, 'grant select (name, login, instance, left_at) on region to narthex_regions'
    union all
    select
        8, format('grant execute on function %s to narthex_regions', string_agg(oid::regprocedure::text, ', '))
    from pg_proc
    where pronamespace = 'public'::regnamespace and proname ~ '^region_'
) s (step, statement)
order by step
