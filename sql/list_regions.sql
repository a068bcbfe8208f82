-- All regions at one glance: what is known of each, its slot, what it last said of itself. How old what it
-- has applied is, counts up to now, as for list_region_status: also once it says nothing any more.
select
    r.name,
    case
        when r.left_at is not null then 'left'
        when r.joined_at is not null then 'joined'
        when r.invite_until < now() then 'expired'
        else 'invited'
    end,
    r.kind,
    r.url,
    extract(epoch from r.invite_until)::bigint,
    extract(epoch from r.joined_at)::bigint,
    s.active,
    s.wal_status,
    pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint,
    pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint,
    s.safe_wal_size,
    extract(epoch from clock_timestamp() - p.at)::float8,
    extract(epoch from clock_timestamp() - p.applied_at)::float8,
    h.xid::text::bigint - p.applied_xid::text::bigint,
    p.schema_version,
    p.errors,
    p.trouble
from region r
left join pg_replication_slots s on s.slot_name = r.login and s.database = current_database()
left join region_report p using (name)
left join heartbeat h on true
order by r.name
