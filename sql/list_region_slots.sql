-- The slots of a region: its own, and those with which its tables are or were copied: what is cut off in its
-- first copy leaves some. Not those of another region in the same PostgreSQL. $1: login.
select s.slot_name::text
from pg_replication_slots s
where
    s.database = current_database()
    and (
        s.slot_name = $1
        or s.active_pid in (select pid from pg_stat_activity where usename = $1)
        or exists (
            select from region r
            where
                r.login = $1
                and s.slot_name like 'pg\_%\_sync\_%\_' || r.system_identifier
                and not exists (
                    select from region o
                    where
                        o.login <> r.login
                        and o.system_identifier = r.system_identifier
                        and s.slot_name like 'pg\_' || o.subscription || '\_sync\_%'
                )
        )
    )
