-- Regions that joined and haven't left, and get nothing any more, since they have no slot.
select name
from region r
where
    joined_at is not null
    and left_at is null
    and not exists (
        select from pg_replication_slots s where s.slot_name = r.login and s.database = current_database()
    )
order by name
