-- Asked by a region: which primary this is, what it knows of whoever asks, and the slot.
select
    current_setting('server_version_num')::int,
    current_setting('wal_level'),
    i.id::text,
    i.role,
    i.epoch,
    i.url,
    (select max(version) from schema_migration),
    r.name,
    r.instance::text,
    r.left_at is not null,
    s.active,
    s.wal_status,
    session_user::text
from instance i
left join region r on r.login = session_user
left join pg_replication_slots s on s.slot_name = session_user
