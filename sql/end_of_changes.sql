-- The last change of all that read_changes shows now; its own start when there is none.
select xid::text::bigint, id
from change
where xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid desc, id desc
limit 1
