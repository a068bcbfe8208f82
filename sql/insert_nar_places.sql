-- Where NARs are; what is known already stays. The n-th NAR ($1: bigint[]) is at the site $2[n]
-- (smallint[]), path $3[n] (text[]).
insert into nar_location (nar, site, path)
select u.nar, u.site, u.path
from unnest($1::bigint[], $2::smallint[], $3::text[]) u (nar, site, path)
order by u.nar, u.site
on conflict do nothing
