-- For this transaction: what is replicated may be emptied.
select set_config('session_replication_role', 'replica', true), set_config('client_min_messages', 'error', true)
