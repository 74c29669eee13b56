-- What is kept of tasks and callbacks after their end has been told, and for how long. None of it is money: what a
-- task cost is in the books, which nothing here touches.

-- Empty the bodies of tasks that ended more than `p_days` ago, at most `p_limit`; returns how many.
CREATE FUNCTION gateway_delete_task_bodies_v1(p_days integer, p_limit integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH old AS (
        SELECT t.account_id, t.id FROM gateway_task t
        WHERE t.ended_at < clock_timestamp() - p_days * interval '1 day' AND t.ended_at IS NOT NULL
          AND t.bodies_deleted_at IS NULL
        ORDER BY t.ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), emptied AS (
        UPDATE gateway_task t
        SET request = '{}', parameters = '{}', results = CASE WHEN t.results IS NOT NULL THEN '[]'::jsonb END,
            bodies_deleted_at = clock_timestamp()
        FROM old o WHERE t.account_id = o.account_id AND t.id = o.id
        RETURNING 1
    )
    SELECT count(*)::integer FROM emptied;
$$;

-- Delete deliveries that ended more than `p_days` ago, with their attempts, at most `p_limit`; returns how many.
CREATE FUNCTION gateway_delete_deliveries_v1(p_days integer, p_limit integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH old AS (
        SELECT d.account_id, d.id FROM gateway_callback_delivery d
        WHERE d.ended_at < clock_timestamp() - p_days * interval '1 day' AND d.state <> 'pending'
        ORDER BY d.ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), attempts AS (
        DELETE FROM gateway_callback_attempt a USING old o WHERE a.account_id = o.account_id AND a.delivery_id = o.id
    ), deleted AS (
        DELETE FROM gateway_callback_delivery d USING old o WHERE d.account_id = o.account_id AND d.id = o.id
        RETURNING 1
    )
    SELECT count(*)::integer FROM deleted;
$$;
