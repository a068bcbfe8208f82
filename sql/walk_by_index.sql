-- Whether ('off') or not ('on') the rest of the transaction walks the graph along its index, whatever
-- statistics say. Without, PostgreSQL reads all of the graph for each step of a walk, sorts it for a
-- pass, or keeps in memory what each path leads to (memoize), which a walk never asks for twice.
-- $1: text.
select
    set_config('enable_seqscan', $1::text, true),
    set_config('enable_bitmapscan', $1::text, true),
    set_config('enable_hashjoin', $1::text, true),
    set_config('enable_mergejoin', $1::text, true),
    set_config('enable_memoize', $1::text, true),
    set_config('jit', $1::text, true)
