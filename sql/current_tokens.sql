-- The tokens that a server has to know: those that are good, and for a month those that were, so that
-- whoever still uses one is told why it isn't taken.
select
    id,
    name,
    hash,
    scopes,
    caches,
    extract(epoch from created_at)::bigint,
    extract(epoch from expires_at)::bigint,
    extract(epoch from revoked_at)::bigint
from token
where coalesce(least(expires_at, revoked_at), 'infinity') > now() - interval '30 days'
