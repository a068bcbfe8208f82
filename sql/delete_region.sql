-- $1: name.
with report as (delete from region_report where name = $1),
     secret as (update token set revoked_at = now() where name = 'region.' || $1 and revoked_at is null)
delete from region where name = $1 returning true
