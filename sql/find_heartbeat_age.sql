-- How old the heartbeat is that was applied last, by clock $1 (seconds since 1970).
select $1::float8 - extract(epoch from at)::float8 from heartbeat
