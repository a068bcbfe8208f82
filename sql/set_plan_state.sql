-- $1: plan; $2: state. When, where that is noted. A purge doesn't change since when it is hidden.
update plan
set
    state = $2::text,
    hidden_at = case $2::text when 'hidden' then now() else hidden_at end,
    restored_at = case $2::text when 'restored' then now() else restored_at end,
    purged_at = case $2::text when 'purged' then now() else purged_at end
where id = $1::int
