-- $1: login.
select format('drop role %I', $1::text) where exists (select from pg_roles where rolname = $1::text)
