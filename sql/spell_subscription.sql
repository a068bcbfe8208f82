-- $1: how to connect; $2: the slot; $3: publications, text[]. It connects to nothing before it is enabled.
-- Not with disable_on_error: a connection that was cut is such an error, too (PostgreSQL 15, start_apply).
select format(
    'create subscription narthex connection %L publication %s '
    'with (connect = false, slot_name = %L, streaming = on)',
    $1::text,
    (select string_agg(format('%I', u.name), ', ') from unnest($3::text[]) u (name)),
    $2::text
)
