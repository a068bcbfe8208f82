"""What the tests of collections share: a PostgreSQL with narinfos and files of NARs, plans made by
hand, leases as servers make them, and the invariant."""

import hashlib
import subprocess

import narinfos
import postgres
import samples
import support


class Session(narinfos.Psql):
    """A psql session with a PostgreSQL that the test runs."""

    def __init__(self, pg, name="psql"):
        self._process = subprocess.Popen(
            [postgres.binaries() / "psql", "-XAtq", "-F", "\t",
             f"host={pg.directory} dbname=narthex user=narthex application_name={name}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def statement(name):
    return (support.ROOT / "sql" / f"{name}.sql").read_text()


def hex_of(name):
    """The hash part of a made-up path, as PostgreSQL spells it."""
    return "'\\x" + hashlib.sha256(str(name).encode()).digest()[:20].hex() + "'"


def hash_parts(rows):
    """Of rows with hash parts in hex."""
    return {samples.nix32(bytes.fromhex(row[0])) for row in rows}


def prepare(sql):
    """A function rescue(hashes), which does what narthex does before it makes a lease: true when the
    paths are served afterwards, with all that they need."""
    def quoted(name):
        return f"$sql${statement(name)}$sql$"
    sql.rows(f"""
        create or replace function rescue(hashes bytea[]) returns boolean language plpgsql as $$
        declare everything bytea[]; lacking bytea[];
        begin
            if exists (
                select from unnest(hashes) u (hash)
                where not exists (select from narinfo n where n.cache = 1 and n.hash = u.hash)
            ) then
                return false;
            end if;
            execute 'select array_agg(hash) from (' || {quoted('find_in_batches')} || ') f'
                into everything using 1, hashes;
            if everything is null then return true; end if;
            execute 'select array_agg(hash) from (' || {quoted('find_rescued')} || ') f'
                into everything using 1, everything;
            execute 'select array_agg(hash) from (' || {quoted('find_purged_since')} || ') f'
                into lacking using 1, everything;
            if lacking is not null then return false; end if;
            insert into change (kind, cache, hashes)
            select 'restored', 1, array_agg(h.hash) from hidden h
            join hide_batch b on b.id = h.batch and b.active
            where h.cache = 1 and h.hash = any(everything)
            having count(*) > 0;
            delete from hidden h where h.cache = 1 and h.hash = any(everything);
            return true;
        end
        $$""")


SHARE = "select pg_advisory_xact_lock_shared(28280, 2)"


def lease(sql, name):
    """True when the path is there, and stays so until the lease is deleted."""
    sql.rows(f"begin; {SHARE}")
    leased = sql.value(f"select rescue(array[{hex_of(name)}::bytea])") == "t"
    if leased:
        sql.rows(f"insert into lease values (1, {hex_of(name)}, now() + interval '1 hour')"
                 " on conflict do nothing")
    sql.rows("commit")
    return leased


def add_root(sql, root, name):
    """The same, until the root is removed."""
    sql.rows(f"begin; {SHARE}")
    rooted = sql.value(f"select rescue(array[{hex_of(name)}::bytea])") == "t"
    if rooted:
        sql.rows("insert into root (cache, name, kind, item, paths) select 1,"
                 f" '{root}', 'pin', '{name}', array[id] from path where hash = {hex_of(name)}"
                 " on conflict do nothing")
    sql.rows("commit")
    return rooted


def plan(sql, names, interlocks="[]"):
    """A plan of these paths. Whoever calls sees to it that nothing else refers to them."""
    hashes = ", ".join(hex_of(name) for name in names)
    return insert_plan(sql, f"select id from path where hash in ({hashes})", interlocks)


def insert_plan(sql, ids, interlocks="[]"):
    """One statement, and so one snapshot. Its number, or None without paths."""
    rows = sql.rows(f"""
        with ids as materialized ({ids}),
        made as (
            insert into plan (cache, created_by, engine, policy, roots, summary)
            select 1, 'test', 'sql', '{{}}', (select coalesce(array_agg(id), '{{}}') from root),
                jsonb_build_object('paths', count(*), 'nar_size', 0, 'interlocks', '{interlocks}'::jsonb)
            from ids having count(*) > 0 returning id
        )
        insert into plan_path select made.id, ids.id, 0 from made, ids returning plan""")
    return int(rows[0][0]) if rows else None


# What no lease and no root reaches, of what is served; as `narthex gc plan` without policies.
UNREACHED = """
    with recursive live (id) as (
        select p.id from lease l join path p using (cache, hash)
        union select unnest(paths) from root
        union select r from live join graph using (id), unnest(refs) r
    )
    select p.id from path p join narinfo n using (cache, hash)
    where not exists (select from live where live.id = p.id)
    and not exists (select from hidden h join hide_batch b on b.id = h.batch and b.active
                    where h.cache = p.cache and h.hash = p.hash)"""

# Of those a part that has all its referrers: whose ids are over a number, as references come first.
UNREACHED_ABOVE = UNREACHED + " and p.id > {}"

# Leased and rooted paths that aren't served.
LOST = """
    select encode(w.hash, 'hex') from (
        select cache, hash from lease
        union select p.cache, p.hash from root r, unnest(r.paths) u (id) join path p using (id)
    ) w
    where not exists (select from narinfo n where n.cache = w.cache and n.hash = w.hash)
    or exists (select from hidden h join hide_batch b on b.id = h.batch and b.active
               where h.cache = w.cache and h.hash = w.hash)"""


def wrongs(sql):
    """Of one moment."""
    sql.rows("begin transaction isolation level repeatable read read only")
    found = [f"lost: {row}" for row in sql.rows(LOST)]
    found += [f"unserved reference: {row}" for row in sql.rows(statement("unserved_references"))]
    sql.rows("commit")
    return found
