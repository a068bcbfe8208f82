select extract(epoch from at)::bigint from heartbeat
