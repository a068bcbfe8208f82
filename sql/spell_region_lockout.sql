-- $1: login.
select format('alter role %I nologin', $1::text) where exists (select from pg_roles where rolname = $1::text)
