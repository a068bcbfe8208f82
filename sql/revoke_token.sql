-- $1: name. No row when no token of that name is left to be revoked.
update token set revoked_at = now() where name = $1 and revoked_at is null returning id
