-- Asked by a region: which primary this is, what it knows of whoever asks, and the slot. The last: of the
-- transaction that begins there next.
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
    session_user::text,
    pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint,
    pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
from instance i
left join region r on r.login = session_user
left join pg_replication_slots s on s.slot_name = session_user
