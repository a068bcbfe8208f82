-- The only table that no migration makes.
create table if not exists schema_migration (
    version int primary key,
    name text not null,
    checksum bytea not null,
    applied_at timestamptz not null default now()
)
