-- The regions of the primary that this one replaces: they have neither role nor slot here.
with secrets as (update token set revoked_at = now() where name like 'region.%' and revoked_at is null)
delete from region
