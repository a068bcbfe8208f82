-- at: microseconds since 1970.
select (extract(epoch from at) * 1000000)::bigint, xid::text, epoch, schema_version from heartbeat
