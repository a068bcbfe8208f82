-- The regions of this primary, with what they said last of themselves and with their slots. Times are
-- seconds since 1970.
select
    r.name,
    r.login,
    r.kind,
    r.url,
    extract(epoch from r.invite_until)::bigint,
    extract(epoch from r.joined_at)::bigint,
    extract(epoch from r.left_at)::bigint,
    extract(epoch from p.at)::bigint,
    p.epoch,
    p.schema_version,
    extract(epoch from clock_timestamp() - p.applied_at)::float8,
    greatest(
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint - p.applied_xid::text::bigint - 1, 0
    ),
    p.errors,
    p.trouble,
    s.active,
    coalesce(s.wal_status, 'lost'),
    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint, 0),
    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint, 0)
from region r
left join region_report p on p.name = r.name
left join pg_replication_slots s on s.slot_name = r.login and s.database = current_database()
order by r.name
