"""How fast a region that was away applies what its primary has imported meanwhile."""

import time

from dataset import BenchError
from region_pair import say

PATIENCE = 3600  # seconds
# Of all tables that a full region has.
ROWS = "select sum((xpath('/row/n/text()', query_to_xml('select count(*) as n from ' || oid::regclass, true, true," \
       " '')))[1]::text::bigint) from pg_class where relkind = 'r'" \
       " and obj_description(oid, 'pg_class') ~ '^(serve|full):'"
WORKERS = "select count(*) from pg_stat_subscription where pid is not null"


def measure(pair, count):
    file = pair.make_records(count)
    rows = int(pair.replica.ask(ROWS))
    pair.replica.psql("alter subscription narthex disable;")
    wait(lambda: pair.replica.ask(WORKERS) == "0", "the apply worker ends")
    say(f"importing {count} narinfos while the region is away")
    start = time.monotonic()
    pair.command("import", file)
    imported = time.monotonic() - start
    # A transaction that the region gets as the last.
    pair.source.psql("update heartbeat set at = clock_timestamp();")
    end = pair.source.ask("select pg_current_wal_insert_lsn()")
    start = time.monotonic()
    pair.replica.psql("alter subscription narthex enable;")
    wait(lambda: pair.replica.ask(f"select bool_or(remote_lsn >= '{end}') from pg_replication_origin_status") == "t",
         "the region has all of it")
    applied = time.monotonic() - start
    rows = int(pair.replica.ask(ROWS)) - rows
    say(f"imported in {imported:.1f} s, applied in {applied:.1f} s")
    return {"narinfos": count, "rows": rows, "imported": imported, "applied": applied}


def wait(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.05)
