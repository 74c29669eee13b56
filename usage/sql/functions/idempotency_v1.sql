-- How a claimed key's call stands: 'open' (it still holds credits), 'charged', or 'free' (it cost nothing).
CREATE FUNCTION usage_claimed_call_state_v1(p_account_id bigint, p_request_id uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM usage_hold h WHERE h.account_id = p_account_id AND h.request_id = p_request_id)
            THEN 'open'
        WHEN EXISTS (SELECT 1 FROM usage_event e WHERE e.account_id = p_account_id
                     AND e.started_at = usage_started_at_v1(p_request_id) AND e.request_id = p_request_id
                     AND e.outcome IN ('succeeded', 'partial'))
            THEN 'charged'
        ELSE 'free' END
$$;

-- Claim an idempotency key for a call. State: 'claimed' (go on), 'in_flight', 'other_body', or 'done' with the answer.
-- A claim whose call never ended is free again after its expiry, unless that call was charged: then it is done, and
-- its answer lost.
CREATE FUNCTION usage_claim_idempotency_key_v1(
    p_account_id bigint, p_idempotency_key text, p_fingerprint bytea, p_request_id uuid, p_ttl_s integer
) RETURNS TABLE (state text, request_id uuid, status smallint, content_type text, headers jsonb, body bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found usage_idempotent_call;
BEGIN
    INSERT INTO usage_idempotent_call AS c (account_id, idempotency_key, fingerprint, request_id, expires_at)
    VALUES (p_account_id, p_idempotency_key, p_fingerprint, p_request_id,
            clock_timestamp() + p_ttl_s * interval '1 second')
    ON CONFLICT (account_id, idempotency_key) DO UPDATE
    SET fingerprint = excluded.fingerprint, request_id = excluded.request_id, expires_at = excluded.expires_at,
        created_at = clock_timestamp(), status = NULL, content_type = NULL, headers = NULL, body = NULL
    WHERE c.expires_at <= clock_timestamp() AND (
        c.status IS NOT NULL OR usage_claimed_call_state_v1(c.account_id, c.request_id) = 'free');
    SELECT * INTO found FROM usage_idempotent_call c
    WHERE c.account_id = p_account_id AND c.idempotency_key = p_idempotency_key;
    RETURN QUERY SELECT CASE
        WHEN found.request_id = p_request_id THEN 'claimed'
        WHEN found.fingerprint <> p_fingerprint THEN 'other_body'
        WHEN found.status IS NULL AND usage_claimed_call_state_v1(p_account_id, found.request_id) <> 'charged'
            THEN 'in_flight'
        ELSE 'done' END,
        found.request_id, found.status, found.content_type, found.headers, found.body;
END $$;

-- Keep a call's answer for a day under its claimed key.
CREATE FUNCTION usage_keep_answer_v1(
    p_account_id bigint, p_idempotency_key text, p_request_id uuid, p_status smallint, p_content_type text,
    p_headers jsonb, p_body bytea
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE usage_idempotent_call
    SET status = p_status, content_type = p_content_type, headers = p_headers, body = p_body,
        expires_at = clock_timestamp() + interval '24 hours'
    WHERE account_id = p_account_id AND idempotency_key = p_idempotency_key AND request_id = p_request_id;
$$;

-- Give a claimed key up, so that its call may be tried again. Returns how the call stands: only a 'free' one's key is
-- given up. One that is 'charged' keeps its key as done, without an answer; one that is 'open' may be asked again.
CREATE FUNCTION usage_drop_idempotency_key_v1(p_account_id bigint, p_idempotency_key text, p_request_id uuid)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    state constant text := usage_claimed_call_state_v1(p_account_id, p_request_id);
BEGIN
    IF state = 'free' THEN
        DELETE FROM usage_idempotent_call
        WHERE account_id = p_account_id AND idempotency_key = p_idempotency_key AND request_id = p_request_id
            AND status IS NULL;
    ELSIF state = 'charged' THEN
        UPDATE usage_idempotent_call
        SET status = 200, content_type = 'application/json', expires_at = clock_timestamp() + interval '24 hours'
        WHERE account_id = p_account_id AND idempotency_key = p_idempotency_key AND request_id = p_request_id
            AND status IS NULL;
    END IF;
    RETURN state;
END $$;

-- Forget answers past their day, at most `p_limit`; returns how many.
CREATE FUNCTION usage_forget_answers_v1(p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    forgotten integer;
BEGIN
    DELETE FROM usage_idempotent_call WHERE ctid IN (
        SELECT ctid FROM usage_idempotent_call WHERE expires_at <= clock_timestamp() - CASE WHEN status IS NULL THEN interval '24 hours' ELSE interval '0' END
        LIMIT p_limit);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;
