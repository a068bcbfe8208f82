-- Until the transaction's end a plan may use an index of several keys a row (GIN), and uses it, whatever
-- statistics say: by bitmaps, which sessions that serve switch off.
select set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true)
