-- Hold the price of tasks and write them down: one verdict a task, in the order of the input, and where it is
-- 'admitted' the task's rows, in the same commit as the hold.
--
-- The first twelve arrays are those of usage_authorize_v1; `p_ttl_s` must outlast the deadline. `created_at` is
-- null where the task was refused.
CREATE FUNCTION gateway_open_tasks_v1(
    p_request_ids uuid[], p_key_digests bytea[], p_account_ids bigint[], p_member_ids bigint[],
    p_addresses inet[], p_endpoints text[], p_models text[], p_routes text[], p_rate_ids bigint[],
    p_ceilings bigint[], p_started_at_ms bigint[], p_ttl_s integer[],
    p_task_ids text[], p_adapters text[], p_upstreams text[], p_requests jsonb[], p_parameters jsonb[],
    p_units jsonb[], p_markers text[], p_callback_urls text[], p_deadlines_s integer[]
) RETURNS TABLE (
    verdict text, account_id bigint, key_id bigint, available bigint, held bigint, allowance bigint,
    minute_limit integer, minute_remaining integer, minute_reset_s integer, created_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    moment constant timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT * FROM usage_authorize_v1(
            p_request_ids, p_key_digests, p_account_ids, p_member_ids, p_addresses, p_endpoints, p_models, p_routes,
            p_rate_ids, p_ceilings, p_started_at_ms, p_ttl_s
        ) WITH ORDINALITY AS j (verdict, account_id, key_id, available, held, allowance, minute_limit,
                                minute_remaining, minute_reset_s, ord)
    ), admitted AS MATERIALIZED (
        SELECT j.account_id AS owner_id, i.*
        FROM unnest(p_task_ids, p_request_ids, p_endpoints, p_models, p_routes, p_adapters, p_upstreams, p_rate_ids,
                    p_requests, p_parameters, p_units, p_markers, p_callback_urls, p_deadlines_s)
            WITH ORDINALITY AS i (task_id, request_uuid, endpoint, model, route, adapter, upstream, rate_id,
                                  request, parameters, units, marker, callback_url, deadline_s, ord)
        JOIN judged j ON j.ord = i.ord
        WHERE j.verdict = 'admitted'
    ), tasks AS (
        INSERT INTO gateway_task (account_id, id, request_uuid, endpoint, model, route, adapter, upstream, rate_id,
                                  request, parameters, units, marker, callback_url, state, created_at, deadline_at)
        SELECT a.owner_id, a.task_id, a.request_uuid, a.endpoint, a.model, a.route, a.adapter, a.upstream, a.rate_id,
               a.request, a.parameters, a.units, a.marker, a.callback_url, 'held', moment,
               moment + a.deadline_s * interval '1 second'
        FROM admitted a
    ), dues AS (
        INSERT INTO gateway_task_due (account_id, task_id, upstream, due_at, deadline_at)
        SELECT a.owner_id, a.task_id, a.upstream, moment, moment + a.deadline_s * interval '1 second'
        FROM admitted a
    )
    SELECT j.verdict, j.account_id, j.key_id, j.available, j.held, j.allowance, j.minute_limit, j.minute_remaining,
           j.minute_reset_s, CASE WHEN j.verdict = 'admitted' THEN moment END
    FROM judged j ORDER BY j.ord;
    PERFORM pg_notify('aio_task', '');
END $$;
