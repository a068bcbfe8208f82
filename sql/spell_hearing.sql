-- The triggers by which servers hear of changes: $1 is 'disable' while a copy is made, whose rows nobody
-- serves yet, then 'enable always'.
select format('alter table %s %s trigger changed', tgrelid::regclass, $1::text)
from pg_trigger
where tgname = 'changed' and not tgisinternal
order by tgrelid::regclass::text
