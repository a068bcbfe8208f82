-- All that these paths reach, themselves included, in any order. $1: path ids, int[].
-- UNION keeps what it has seen as a hash table in the backend's memory, about 110 bytes a path, so it
-- has one narrow column. Unnesting in the select list of a subquery of one row is what makes a step
-- cheap: in FROM, PostgreSQL would call it for each row anew and remember its answers.
-- OFFSET 0: see find_narinfos; walk_by_index comes before. docs/collecting.md has the plan.
with recursive live (id) as (
    select unnest($1::int[])
    union
    select r.id
    from live l
    cross join lateral (select unnest(g.refs) id from graph g where g.id = l.id offset 0) r
)
select id from live
