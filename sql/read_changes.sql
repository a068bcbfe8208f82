-- The next changes, of transactions that nothing under way can come before. $1, $2: after this
-- transaction and id; $3: at most so many. Hash parts are joined.
select
    xid::text::bigint,
    id,
    kind,
    extract(epoch from at)::bigint,
    cache,
    (select string_agg(u.hash, ''::bytea order by u.ord) from unnest(hashes) with ordinality u (hash, ord)),
    batch
from change
where
    (xid, id) > ($1::text::xid8, $2::bigint)
    and xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid, id
limit $3::int
