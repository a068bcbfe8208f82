-- Is there anything to sweep? $1: site; $2: age in seconds.
select exists (
    select from upload where site = $1 and uploaded_at < now() - make_interval(secs => $2::int)
)
