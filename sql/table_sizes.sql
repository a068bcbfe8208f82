-- Of what the publications $1 (text[]) hold: rows, about, and bytes.
select
    p.tablename,
    greatest(c.reltuples, s.n_live_tup, 0)::bigint,
    pg_table_size(c.oid)
from pg_publication_tables p
join pg_class c on c.oid = format('%I.%I', p.schemaname, p.tablename)::regclass
left join pg_stat_user_tables s on s.relid = c.oid
where p.pubname = any($1::text[])
