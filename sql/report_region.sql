-- How the region that calls is (region_report). $1: its epoch; $2: its schema version; $3, $4: of the
-- heartbeat that it applied, microseconds since 1970 and the transaction: 0 and empty where it has none;
-- $5: errors of its subscription; $6: what is wrong, or empty.
select region_report(
    $1::bigint,
    $2::int,
    to_timestamp(nullif($3::bigint, 0) / 1000000.0),
    nullif($4::text, '')::xid8,
    $5::bigint,
    $6::text
)
