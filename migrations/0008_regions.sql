-- Regions: which instance this is, who subscribes, and what flows back. Expected time: milliseconds; a
-- trigger a table is added; the one index reads request_count once (a second for some millions of rows).

-- A region's own: what a region ran is told by its own rows.
comment on table schema_migration is 'local: which migrations this database has had';

create table instance (
    only_one boolean primary key default true check (only_one),
    id uuid not null default gen_random_uuid(),
    -- joining: a region whose first copy isn't complete. fenced: a primary that another has replaced.
    role text not null default 'primary' check (role in ('primary', 'joining', 'region', 'fenced')),
    -- How often a region was promoted, as far as this instance has heard.
    epoch bigint not null default 1,
    -- A region's, as its primary knows it; else empty.
    name text not null default '',
    kind text check (kind in ('serving', 'full')),
    -- Where clients reach this instance, and a region its primary.
    url text,
    primary_url text,
    -- Of a fenced primary: what replaced it, for messages, and the region that came and said so.
    replaced_by text,
    fenced_by text,
    -- A region's secret at its primary: an access token that may read every cache.
    token text,
    check ((role in ('joining', 'region')) = (kind is not null))
);
comment on table instance is 'local: the one row says which instance this database is of';
insert into instance default values;

create table region (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,31}$'),
    -- Of PostgreSQL: the role it connects as. Its slot has the same name.
    login text not null unique,
    kind text check (kind in ('serving', 'full')),
    instance uuid,
    -- Of its PostgreSQL and of its subscription there (an oid). The slots with which its tables are copied
    -- are named by them: pg_SUBSCRIPTION_sync_TABLE_SYSTEM.
    system_identifier bigint,
    subscription bigint,
    url text,
    invited_at timestamptz not null default now(),
    invite_until timestamptz not null,
    joined_at timestamptz,
    -- It said goodbye: its role and slot are to be removed, and then this row.
    left_at timestamptz
);
comment on table region is 'full: the regions of this primary: invited, joined, on their way out';

create table heartbeat (
    only_one boolean primary key default true check (only_one),
    -- By the primary's clock.
    at timestamptz not null,
    xid xid8 not null,
    epoch bigint not null,
    schema_version int not null
);
comment on table heartbeat is
    'serve: what the primary writes twice a second while it has regions: how old is what a region has';

create table region_report (
    name text primary key,
    at timestamptz not null default now(),
    epoch bigint not null,
    schema_version int not null,
    -- Of the heartbeat that it had applied.
    applied_at timestamptz,
    applied_xid xid8,
    -- Of its subscription: since it was made.
    errors bigint not null,
    -- Empty while all is well; else one line for people.
    trouble text not null default ''
);
comment on table region_report is 'local: what each region last said of itself, once a second';

create table own_count (
    cache smallint not null,
    hash bytea not null check (octet_length(hash) = 20),
    day date not null,
    served bigint not null default 0,
    hidden bigint not null default 0,
    -- The primary has these figures.
    sent boolean not null default false,
    primary key (cache, hash, day)
);
create index own_count_unsent on own_count (day) where not sent;
create index own_count_sent on own_count (day) where sent;
comment on table own_count is
    'local: a region''s part of request_count, until its primary has it and the day is over';

-- What was purged since a plan was hidden: rows come in that order.
create index purged_narinfo_purged on purged_narinfo using brin (purged_at) with (autosummarize = on);

-- What regions' clients missed: few rows, looked for every few seconds.
create index request_count_missed_in_regions on request_count (day) where region <> '' and hidden > 0;

-- Nobody but the apply worker (session_replication_role is replica there) writes what is replicated where
-- this isn't the primary: not a command, not psql by mistake.
create function only_primary_writes() returns trigger language plpgsql as $$
declare
    here record;
begin
    select role, name, primary_url, replaced_by into here from public.instance where role <> 'primary';
    if not found then
        return null;
    end if;
    raise exception using
        errcode = 'NX001',
        message = case here.role
            when 'fenced' then format('this primary was replaced by %s: write there', here.replaced_by)
            else format('this is region %s: write on its primary, %s', here.name, here.primary_url)
        end;
end
$$;

-- What is called at the primary by regions, which have no rights on its tables but to read what they
-- copy. Each finds its region by the role that has connected. With the owner's rights, so pg_temp is said,
-- and last: else it comes first, and a temporary table of the caller's would take a table's place.

create function calling_region() returns region language plpgsql stable as $$
declare
    found_region region;
begin
    select * into found_region from region where login = session_user and left_at is null;
    if not found then
        raise exception using errcode = 'NX002', message = format('%s is no region here', session_user);
    end if;
    return found_region;
end
$$;

-- Once: the password of the invite becomes a lasting one that only the region knows. token_hash: of the
-- access token with which it fetches NARs; verifier: SCRAM's, so that no log has the password. Again by the
-- same instance: what it says of itself changes.
create function region_accept(
    new_instance uuid,
    new_system_identifier bigint,
    new_subscription bigint,
    new_kind text,
    new_url text,
    verifier text,
    token_hash bytea
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    caller region := calling_region();
begin
    if caller.instance is not null and caller.instance <> new_instance then
        raise exception using
            errcode = 'NX003', message = format('region %s has joined already', caller.name);
    end if;
    execute format('alter role %I password %L valid until %L', caller.login, verifier, 'infinity');
    if (new_kind = 'full') <> pg_has_role(caller.login, 'narthex_full_regions', 'member') then
        execute format(
            case new_kind
                when 'full' then 'grant narthex_full_regions to %I'
                else 'revoke narthex_full_regions from %I'
            end,
            caller.login
        );
    end if;
    update region
    set
        instance = new_instance,
        system_identifier = new_system_identifier,
        subscription = new_subscription,
        kind = new_kind,
        url = new_url,
        joined_at = coalesce(joined_at, now())
    where name = caller.name;
    update token set revoked_at = now()
    where name = 'region.' || caller.name and revoked_at is null and hash <> token_hash;
    -- Again only what it brought before: who knows somebody's token doesn't get it back when it was revoked.
    insert into token as t (name, hash, scopes) values ('region.' || caller.name, token_hash, '{read}')
    on conflict (hash) do update set revoked_at = null
    where t.name = excluded.name and t.scopes = excluded.scopes and t.caches is null;
    if not found then
        raise exception using
            errcode = 'NX006',
            message = format('the access token that region %s brings is another''s here', caller.name);
    end if;
end
$$;

create function region_report(
    epoch bigint,
    schema_version int,
    applied_at timestamptz,
    applied_xid xid8,
    errors bigint,
    trouble text
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    caller region := calling_region();
begin
    insert into region_report as r
    values (caller.name, clock_timestamp(), epoch, schema_version, applied_at, applied_xid, errors, trouble)
    on conflict (name) do update
    set
        at = excluded.at,
        epoch = excluded.epoch,
        schema_version = excluded.schema_version,
        applied_at = excluded.applied_at,
        applied_xid = excluded.applied_xid,
        errors = excluded.errors,
        trouble = excluded.trouble;
end
$$;

-- Absolute values: said twice, they count once.
create function region_count(
    caches smallint[], hashes bytea[], days date[], served bigint[], hidden bigint[]
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    caller region := calling_region();
begin
    insert into request_count as c (cache, hash, day, region, served, hidden)
    select u.cache, u.hash, u.day, caller.name, u.served, u.hidden
    from unnest(caches, hashes, days, served, hidden) u (cache, hash, day, served, hidden)
    order by u.cache, u.hash, u.day
    on conflict (cache, hash, day, region) do update
    set served = greatest(c.served, excluded.served), hidden = greatest(c.hidden, excluded.hidden);
end
$$;

create function region_leave() returns void language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    caller region := calling_region();
begin
    update region set left_at = now() where name = caller.name;
    update token set revoked_at = now()
    where name = 'region.' || caller.name and revoked_at is null;
end
$$;

-- Stops this primary's writes, after those that are under way; the WAL position after which there are none.
create function region_fence(new_epoch bigint, new_primary text) returns pg_lsn language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    caller region := calling_region();
begin
    if caller.kind is distinct from 'full' then
        raise exception using
            errcode = 'NX004',
            message = format('region %s has no full copy: it can''t become the primary', caller.name);
    end if;
    perform pg_advisory_xact_lock(28280, 2);
    -- Again by the same region, by whatever URL; or after its answer by HTTP.
    update instance
    set role = 'fenced', epoch = new_epoch, replaced_by = new_primary, fenced_by = caller.name
    where
        epoch < new_epoch
        or (
            role = 'fenced'
            and epoch = new_epoch
            and (fenced_by = caller.name or replaced_by in (new_primary, caller.url))
        );
    if not found then
        raise exception using
            errcode = 'NX005',
            message = format('this instance knows epoch %s already', (select epoch from instance));
    end if;
    return pg_current_wal_insert_lsn();
end
$$;

revoke execute on function region_accept, region_report, region_count, region_leave, region_fence
from public;

do $$
declare
    replicated text;
begin
    for replicated in
        select oid::regclass::text from pg_class
        where relkind = 'r' and obj_description(oid, 'pg_class') ~ '^(serve|full):'
    loop
        execute format(
            'create trigger only_primary before insert or update or delete or truncate on %s '
            'for each statement execute function only_primary_writes()',
            replicated
        );
    end loop;
end
$$;
