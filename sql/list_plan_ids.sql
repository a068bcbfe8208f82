-- The path ids of a plan. $1: plan.
select path from plan_path where plan = $1::int
