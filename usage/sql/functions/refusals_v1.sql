-- Count refused calls per account, key, endpoint, code and minute. Calls whose account is unknown are left out,
-- and so are those whose code is 'admitted'.
CREATE FUNCTION usage_count_refusals_v1(
    p_account_ids bigint[], p_key_ids bigint[], p_endpoints text[], p_codes text[]
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO usage_refusal AS r (account_id, key_id, minute, endpoint, code, calls)
    SELECT c.account_id, c.key_id, date_trunc('minute', clock_timestamp()), c.endpoint, c.code, count(*)
    FROM unnest(p_account_ids, p_key_ids, p_endpoints, p_codes) AS c (account_id, key_id, endpoint, code)
    WHERE c.account_id IS NOT NULL AND c.code <> 'admitted'
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (account_id, minute, key_id, endpoint, code) DO UPDATE SET calls = r.calls + excluded.calls;
$$;

-- For a call that is refused before it could be authorised (a bad body, an unknown model): who made it. Returns
-- the refusal that comes before the caller's own (a bad key, a suspended account, an endpoint or address out of
-- scope), or null, and counts whichever it was. Without an endpoint or a model the key's are not looked at, without
-- a code only the earlier refusal is counted.
CREATE FUNCTION usage_refuse_v1(
    p_key_digest bytea, p_account_id bigint, p_member_id bigint, p_address inet, p_endpoint text, p_model text,
    p_code text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found_account bigint;
    found_key bigint;
    earlier text;
BEGIN
    SELECT a.id, coalesce(k.id, 0), CASE
            WHEN a.id IS NULL THEN 'unknown_key'
            WHEN k.revoked_at IS NOT NULL THEN 'revoked_key'
            WHEN k.expires_at <= clock_timestamp() THEN 'expired_key'
            WHEN k.id IS NULL AND m.role IS NULL THEN 'not_a_member'
            WHEN a.status <> 'active' THEN 'account_suspended'
            WHEN k.id IS NULL AND m.role = 'viewer' THEN 'role_not_allowed'
            WHEN k.allowed_endpoints IS NOT NULL AND p_endpoint <> ALL (k.allowed_endpoints)
                THEN 'endpoint_not_allowed'
            WHEN k.allowed_models IS NOT NULL AND p_model <> ALL (k.allowed_models) THEN 'model_not_allowed'
            WHEN k.allowed_networks IS NOT NULL AND (p_address IS NULL OR NOT EXISTS (
                SELECT 1 FROM unnest(k.allowed_networks) network WHERE p_address <<= network::inet))
                THEN 'address_not_allowed'
        END
    INTO found_account, found_key, earlier
    FROM (SELECT p_key_digest AS digest) i
    LEFT JOIN accounts_apikey k ON k.digest = i.digest
    LEFT JOIN accounts_account a ON a.id = coalesce(k.account_id, p_account_id)
    LEFT JOIN accounts_membership m ON m.account_id = p_account_id AND m.user_id = p_member_id;
    PERFORM usage_count_refusals_v1(ARRAY[found_account], ARRAY[found_key], ARRAY[coalesce(p_endpoint, '')],
                                    ARRAY[coalesce(earlier, p_code)]);
    RETURN earlier;
END $$;
