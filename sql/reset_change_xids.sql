-- Of changes that were made in another cluster, whose transaction ids say nothing here: before all that
-- follow (no transaction of anybody's has one below 3), and after every plan's moment as reset_plan_snapshots
-- leaves it, so that what was wanted when is looked at once too often rather than not at all.
update change set xid = '2'
