-- Nothing where no region has joined, or another server of this database was faster.
insert into heartbeat as h (at, xid, epoch, schema_version)
select clock_timestamp(), pg_current_xact_id(), i.epoch, (select max(version) from schema_migration)
from instance i
where
    i.role = 'primary'
    and exists (select from region where joined_at is not null and left_at is null)
on conflict (only_one) do update
set
    at = excluded.at,
    xid = excluded.xid,
    epoch = excluded.epoch,
    schema_version = excluded.schema_version
-- Also where the clock was set back.
where excluded.at not between h.at and h.at + interval '400 milliseconds'
