-- $1: login; $2: its password's SCRAM verifier; $3: until when it is good, seconds since 1970.
select format(
    case when exists (select from pg_roles where rolname = $1::text)
        then 'alter role %I login replication password %L valid until %L'
        else 'create role %I login replication password %L valid until %L in role narthex_regions'
    end,
    $1::text,
    $2::text,
    to_timestamp($3::bigint)
)
