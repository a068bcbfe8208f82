-- With the password: only a superuser may read it. $1: the subscription's name.
select subconninfo
from pg_subscription
where subname = $1 and subdbid = (select oid from pg_database where datname = current_database())
