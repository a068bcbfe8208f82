-- By which the session is known to others. $1: the name.
select set_config('application_name', $1::text, false)
