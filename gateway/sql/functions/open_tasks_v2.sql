-- As gateway_open_tasks_v1, and where an idempotency key is given (else null) it stands for the admitted task from
-- then on. A key that stands for a task already raises unique_violation, and nothing of the whole batch is kept.
CREATE FUNCTION gateway_open_tasks_v2(
    p_request_ids uuid[], p_key_digests bytea[], p_account_ids bigint[], p_member_ids bigint[],
    p_addresses inet[], p_endpoints text[], p_models text[], p_routes text[], p_rate_ids bigint[],
    p_ceilings bigint[], p_started_at_ms bigint[], p_ttl_s integer[],
    p_task_ids text[], p_adapters text[], p_upstreams text[], p_requests jsonb[], p_parameters jsonb[],
    p_units jsonb[], p_markers text[], p_callback_urls text[], p_deadlines_s integer[],
    p_idempotency_keys text[], p_fingerprints bytea[]
) RETURNS TABLE (
    verdict text, account_id bigint, key_id bigint, available bigint, held bigint, allowance bigint,
    minute_limit integer, minute_remaining integer, minute_reset_s integer, created_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH opened AS MATERIALIZED (
        SELECT * FROM gateway_open_tasks_v1(
            p_request_ids, p_key_digests, p_account_ids, p_member_ids, p_addresses, p_endpoints, p_models, p_routes,
            p_rate_ids, p_ceilings, p_started_at_ms, p_ttl_s, p_task_ids, p_adapters, p_upstreams, p_requests,
            p_parameters, p_units, p_markers, p_callback_urls, p_deadlines_s
        ) WITH ORDINALITY AS o (verdict, account_id, key_id, available, held, allowance, minute_limit,
                                minute_remaining, minute_reset_s, created_at, ord)
    ), claims AS (
        INSERT INTO gateway_task_idempotency (account_id, idempotency_key, fingerprint, task_id, expires_at)
        SELECT o.account_id, i.idempotency_key, i.fingerprint, i.task_id, o.created_at + interval '24 hours'
        FROM opened o
        JOIN unnest(p_idempotency_keys, p_fingerprints, p_task_ids)
            WITH ORDINALITY AS i (idempotency_key, fingerprint, task_id, ord) ON i.ord = o.ord
        WHERE o.created_at IS NOT NULL AND i.idempotency_key IS NOT NULL
        -- Batches of several processes line up instead of deadlocking.
        ORDER BY o.account_id, i.idempotency_key
    )
    SELECT o.verdict, o.account_id, o.key_id, o.available, o.held, o.allowance, o.minute_limit, o.minute_remaining,
           o.minute_reset_s, o.created_at
    FROM opened o ORDER BY o.ord;
END $$;

-- Forget keys past their day, at most `p_limit`; returns how many.
CREATE FUNCTION gateway_forget_task_keys_v1(p_limit integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH forgotten AS (
        DELETE FROM gateway_task_idempotency WHERE (account_id, idempotency_key) IN (
            SELECT account_id, idempotency_key FROM gateway_task_idempotency
            WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT p_limit)
        RETURNING 1
    )
    SELECT count(*)::integer FROM forgotten;
$$;
