"""A primary and a region made by SQL alone, each with a PostgreSQL of its own and a proxy between
them: for what `serve` does by itself."""

import support
from postgres import Postgres
from tcp_proxy import TcpProxy

PASSWORD = "geheim"


class Primary:
    """A PostgreSQL that regions can subscribe to."""

    def __init__(self):
        self.port = support.free_port()
        self.postgres = Postgres("wal_level=logical", port=self.port)
        self.uri = self.postgres.uri
        self.sql = self.postgres.psql
        support.narthex("migrate", "--database", self.uri)
        for kinds, name in ("serve", "narthex_serve"), ("serve|full", "narthex_full"):
            self.sql(f"create publication {name} for table {', '.join(self._tables(kinds))}")

    def _tables(self, kinds):
        return self.sql("select oid::regclass from pg_class where relkind = 'r' and"
                        f" obj_description(oid, 'pg_class') ~ '^({kinds}):'").split()

    def invite(self, name, kind, url=None):
        login = f"narthex_region_{name}"
        tables = self._tables("serve|full" if kind == "full" else "serve")
        where = f"'{url}'" if url else "null"
        self.sql(f"""
            create role {login} login replication password '{PASSWORD}';
            grant select on schema_migration, {', '.join(tables)} to {login};
            grant select (id, role, epoch, url, replaced_by) on instance to {login};
            grant execute on function region_report, region_count, region_leave, region_fence to {login};
            insert into region (name, login, kind, instance, url, invite_until, joined_at)
            values ('{name}', '{login}', '{kind}', gen_random_uuid(), {where}, now(), now())""")
        self.sql(f"select pg_create_logical_replication_slot('{login}', 'pgoutput')")

    def close(self):
        self.postgres.close()


class Region:
    """Subscribed to `primary` by a proxy, its first copy complete. `postgres`: another than its own."""

    def __init__(self, primary, name="eu1", kind="serving", primary_url="http://primary.example", postgres=None):
        self.name = name
        self.proxy = TcpProxy(primary.port)
        self.postgres = postgres or Postgres("wal_level=logical", "wal_retrieve_retry_interval=300ms")
        self.uri = self.postgres.uri
        self.sql = self.postgres.psql
        support.narthex("migrate", "--database", self.uri)
        primary.invite(name, kind)
        # What a migration made here comes from the primary, too.
        self.sql("delete from cache")
        self.sql(f"update instance set role = 'region', name = '{name}', kind = '{kind}',"
                 f" primary_url = '{primary_url}'")
        publication = "narthex_full" if kind == "full" else "narthex_serve"
        self.sql(f"""
            create subscription narthex
            connection 'host=127.0.0.1 port={self.proxy.port} dbname=narthex
                        user=narthex_region_{name} password={PASSWORD} connect_timeout=10'
            publication {publication}
            with (create_slot = false, slot_name = 'narthex_region_{name}')
            """)
        support.wait_until(self.is_copied, "the first copy is complete")

    def is_copied(self):
        return self.sql("select count(*) > 0 and bool_and(srsubstate = 'r')"
                        " from pg_subscription_rel") == "t"

    def close(self):
        self.proxy.close()
        self.postgres.close()
