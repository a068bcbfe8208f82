-- Every token there ever was, for people. The first columns are those of current_tokens.
select
    t.id,
    t.name,
    t.hash,
    t.scopes,
    t.caches,
    extract(epoch from t.created_at)::bigint,
    extract(epoch from t.expires_at)::bigint,
    extract(epoch from t.revoked_at)::bigint,
    extract(epoch from u.used_at)::bigint
from token t
left join token_use u on u.token = t.id
order by t.name, t.id
