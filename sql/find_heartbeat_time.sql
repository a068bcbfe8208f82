-- When the heartbeat that is here was written, in whole seconds that have passed: what was published after the
-- result may be lost with its primary, and nothing before it.
select floor(extract(epoch from at))::bigint from heartbeat
