-- Whether regions can be invited here. PostgreSQL 15 lets only superusers change roles that replicate;
-- region_accept does so with the rights of its owner. The last: whether the WAL that a region's slot holds has
-- no limit.
select
    current_setting('server_version_num')::int,
    current_setting('wal_level'),
    (
        select bool_and(
            rolsuper
            or (rolcreaterole and rolreplication and current_setting('server_version_num')::int >= 160000)
        )
        from pg_roles
        where
            rolname = current_user
            or oid = (
                select proowner from pg_proc
                where proname = 'region_accept' and pronamespace = 'public'::regnamespace
            )
    ),
    coalesce(current_setting('max_slot_wal_keep_size', true) = '-1', false)
