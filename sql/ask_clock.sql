-- Microseconds since 1970, by the database's clock.
select (extract(epoch from clock_timestamp()) * 1000000)::bigint
