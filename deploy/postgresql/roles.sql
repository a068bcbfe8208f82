-- A database for narthex on a PostgreSQL that isn't its own, with least rights. As a superuser, by psql:
--
--     psql -v password="'...'" -f roles.sql
--
-- Two roles: narthex owns the tables and is what `narthex serve`, `import` and `gc` connect as. Roles of
-- regions need REPLICATION, which only a superuser can give: run `narthex replica invite` and `replica
-- remove` as one (sudo -u postgres narthex replica invite eu1 --database postgresql:///narthex).

create role narthex login password :password;
create role narthex_regions nologin;
create database narthex owner narthex;
\connect narthex
revoke all on schema public from public;
revoke connect, temporary on database narthex from public;
grant usage, create on schema public to narthex;
grant connect, temporary on database narthex to narthex;
