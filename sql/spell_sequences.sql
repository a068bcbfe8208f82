-- The statements that set each sequence past the ids that are there: they aren't replicated.
select format(
    'select setval(%L, (select greatest(max(%I), 0) + 1 from %s), false)',
    s.name,
    s.attname,
    s.attrelid::regclass
)
from (
    select a.attrelid, a.attname, pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) as name
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where
        c.relkind = 'r'
        and c.relnamespace = 'public'::regnamespace
        and a.attnum > 0
        and not a.attisdropped
) s
where s.name is not null
