-- The interlocks that a plan ($1) tripped, in their order.
select i.value ->> 'name', i.value ->> 'message'
from plan l
cross join lateral jsonb_array_elements(
    case jsonb_typeof(l.summary -> 'interlocks') when 'array' then l.summary -> 'interlocks' else '[]' end
) with ordinality i (value, ord)
where l.id = $1::int
order by i.ord
