-- Regions that have joined and say that their schema is older than version $1.
select r.name, p.schema_version
from region r
join region_report p using (name)
where r.joined_at is not null and r.left_at is null and p.schema_version < $1::int
order by r.name
