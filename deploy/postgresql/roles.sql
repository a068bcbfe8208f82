-- A database for narthex on a PostgreSQL that isn't its own, and a role that owns it and nothing else. As a
-- superuser, by psql:
--
--     psql -v password="'...'" -f roles.sql
--
-- `narthex serve` and all commands connect as that role. On a primary they make, change and drop the roles of
-- regions, which replicate: PostgreSQL 16 and newer let it with what is given below, 15 lets only a superuser.
-- On a region it has to be one with any version, since only a superuser may follow another database:
--
--     alter role narthex superuser;
--
-- and keep nothing else in that PostgreSQL then.

create role narthex login password :password;
create database narthex owner narthex;
\connect narthex
alter schema public owner to narthex;
revoke all on schema public from public;
revoke connect, temporary on database narthex from public;

select current_setting('server_version_num')::int >= 160000 as regions_need_no_superuser \gset
\if :regions_need_no_superuser
alter role narthex createrole replication;
-- To end what a region has connected that is removed.
grant pg_signal_backend to narthex;
\endif
