-- Lock the balances of these accounts and of these keys' accounts, in account order, for the transaction; whether
-- one of them has a grant to expire. Everything on the money path that belongs to an account is covered by its
-- balance's lock.
CREATE FUNCTION usage_lock_balances_v1(p_account_ids bigint[], p_key_digests bytea[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- Planned once: a custom plan costs more than carrying it out.
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    expiry timestamptz;
    due boolean := false;
BEGIN
    FOR expiry IN
        SELECT b.next_grant_expiry_at FROM usage_balance b
        WHERE b.account_id = ANY (
            p_account_ids || ARRAY(SELECT k.account_id FROM accounts_apikey k WHERE k.digest = ANY (p_key_digests)))
        ORDER BY b.account_id FOR NO KEY UPDATE
    LOOP
        due := due OR coalesce(expiry <= clock_timestamp(), false);
    END LOOP;
    RETURN due;
END $$;

-- When a call began, as its request id (a version 7 UUID) says: the key of its usage event.
CREATE FUNCTION usage_started_at_v1(p_request_id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT 'epoch'::timestamptz
        + ('x0000' || left(replace(p_request_id::text, '-', ''), 12))::bit(64)::bigint * interval '1 millisecond'
$$;
