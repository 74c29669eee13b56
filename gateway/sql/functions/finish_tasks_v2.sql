-- End tasks: state, settlement, results and event in one commit. One terminal transition wins; every other comes
-- back with `won` false and changes nothing, so ending may be repeated safely.
--
-- `p_owners` is the worker that must still hold the task's lease, or null for an end that needs none (a cancel, the
-- deadline). `p_charges` is the price of the actual units at the pinned rate, or null to release. `state` is the one
-- the task has after this, null where there is no such task. An ended task that runs on at its upstream stays due,
-- for a worker to tell the upstream. `p_attempts` goes to the usage event: how the upstream was asked in vain, or null.
CREATE FUNCTION gateway_finish_tasks_v2(
    p_account_ids bigint[], p_ids text[], p_owners uuid[], p_states text[], p_outcomes text[], p_statuses smallint[],
    p_charges bigint[], p_units jsonb[], p_results jsonb[], p_messages text[], p_attempts jsonb[]
) RETURNS TABLE (won boolean, state text, consumed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
    n integer;
    ords bigint[]; accounts bigint[]; tasks text[]; requests uuid[]; upstreams text[]; latencies integer[];
    upstream_latencies integer[]; settled boolean[]; charged bigint[];
BEGIN
    PERFORM 1 FROM gateway_task_due d
    JOIN unnest(p_account_ids, p_ids) AS i (account_id, task_id) ON d.account_id = i.account_id AND d.task_id = i.task_id
    ORDER BY d.account_id, d.task_id FOR UPDATE OF d;
    moment := clock_timestamp();

    SELECT count(*), array_agg(w.ord), array_agg(w.account_id), array_agg(w.id), array_agg(w.request_uuid),
           array_agg(CASE WHEN w.submit_attempted_at IS NOT NULL THEN w.upstream END),
           array_agg(least(extract(epoch FROM moment - w.created_at) * 1000, 2147483647)::integer),
           array_agg(least(extract(epoch FROM moment - w.submit_attempted_at) * 1000, 2147483647)::integer)
    INTO n, ords, accounts, tasks, requests, upstreams, latencies, upstream_latencies
    FROM (
        SELECT DISTINCT ON (t.account_id, t.id) t.*, i.ord
        FROM unnest(p_account_ids, p_ids, p_owners, p_states) WITH ORDINALITY AS i (account_id, task_id, owner, state, ord)
        JOIN gateway_task_due d ON d.account_id = i.account_id AND d.task_id = i.task_id
        JOIN gateway_task t ON t.account_id = i.account_id AND t.id = i.task_id
        WHERE (i.owner IS NULL OR d.lease_owner = i.owner)
          AND (t.state IN ('running')
               OR t.state IN ('held', 'submitting') AND i.state IN ('failed', 'cancelled', 'timed_out'))
        ORDER BY t.account_id, t.id, i.ord
    ) w;

    IF n > 0 THEN
        SELECT array_agg(s.settled ORDER BY s.ord), array_agg(coalesce(s.charged, 0) ORDER BY s.ord)
        INTO settled, charged
        FROM usage_settle_v1(
            accounts, requests,
            ARRAY(SELECT p_outcomes[o.ord] FROM unnest(ords) WITH ORDINALITY AS o (ord, place) ORDER BY o.place),
            ARRAY(SELECT p_charges[o.ord] FROM unnest(ords) WITH ORDINALITY AS o (ord, place) ORDER BY o.place),
            ARRAY(SELECT p_outcomes[o.ord] IN ('failed', 'timed_out')
                  FROM unnest(ords) WITH ORDINALITY AS o (ord, place) ORDER BY o.place),
            upstreams,
            ARRAY(SELECT p_statuses[o.ord] FROM unnest(ords) WITH ORDINALITY AS o (ord, place) ORDER BY o.place),
            array_fill(false, ARRAY[n]), array_fill(false, ARRAY[n]),
            gateway_units_v1(p_units, ords, 'tokens_in'), gateway_units_v1(p_units, ords, 'tokens_out'),
            gateway_units_v1(p_units, ords, 'images'), gateway_units_v1(p_units, ords, 'audio_ms'),
            gateway_units_v1(p_units, ords, 'characters'), gateway_units_v1(p_units, ords, 'pixel_steps'),
            gateway_units_v1(p_units, ords, 'video_ms'),
            latencies, upstream_latencies, array_fill(NULL::integer, ARRAY[n]),
            ARRAY(SELECT p_attempts[o.ord] FROM unnest(ords) WITH ORDINALITY AS o (ord, place) ORDER BY o.place)
        ) WITH ORDINALITY AS s (settled, charged, available, repeated, ord);

        UPDATE gateway_task t
        SET state = e.state,
            ended_at = moment,
            results = CASE WHEN e.state = 'succeeded' THEN p_results[e.ord] END,
            error_message = CASE WHEN e.state <> 'succeeded' THEN
                coalesce(e.lost_hold, p_messages[e.ord], 'The task failed.') END,
            consumed_microcredits = e.charged,
            polls = e.polls
        FROM (
            -- A hold that is gone was let go after the deadline and its margin: what was not paid is not given.
            SELECT w.account_id, w.task_id, w.ord, w.charged, d.polls,
                   CASE WHEN p_states[w.ord] = 'succeeded' AND NOT w.settled THEN 'timed_out'
                        ELSE p_states[w.ord] END AS state,
                   CASE WHEN NOT w.settled THEN 'The task ended after its credits had been let go.' END AS lost_hold
            FROM unnest(accounts, tasks, ords, settled, charged) AS w (account_id, task_id, ord, settled, charged)
            JOIN gateway_task_due d ON d.account_id = w.account_id AND d.task_id = w.task_id
        ) e
        WHERE t.account_id = e.account_id AND t.id = e.task_id AND t.state IN ('held', 'submitting', 'running');

        WITH ended AS (
            SELECT t.account_id, t.id, t.state,
                   t.state IN ('cancelled', 'timed_out') AND t.upstream_reference IS NOT NULL AS runs_on
            FROM unnest(accounts, tasks) AS w (account_id, task_id)
            JOIN gateway_task t ON t.account_id = w.account_id AND t.id = w.task_id
        ), done AS (
            DELETE FROM gateway_task_due d USING ended e
            WHERE d.account_id = e.account_id AND d.task_id = e.id AND NOT e.runs_on
        ), telling AS (
            UPDATE gateway_task_due d SET lease_owner = NULL, due_at = moment, errors = 0, polls = 0, hinted = false
            FROM ended e WHERE d.account_id = e.account_id AND d.task_id = e.id AND e.runs_on
        )
        INSERT INTO gateway_task_event (account_id, task_id, type, created_at)
        SELECT e.account_id, e.id, CASE WHEN e.state = 'succeeded' THEN 'task.succeeded' ELSE 'task.failed' END, moment
        FROM ended e;
        IF EXISTS (SELECT 1 FROM gateway_task_due d JOIN unnest(accounts, tasks) AS w (account_id, task_id)
                   ON d.account_id = w.account_id AND d.task_id = w.task_id) THEN
            PERFORM pg_notify('aio_task', '');
        END IF;
        PERFORM pg_notify('aio_task_event', '');
    END IF;

    RETURN QUERY
    SELECT i.ord = ANY (coalesce(ords, '{}')), t.state, t.consumed_microcredits
    FROM unnest(p_account_ids, p_ids) WITH ORDINALITY AS i (account_id, task_id, ord)
    LEFT JOIN gateway_task t ON t.account_id = i.account_id AND t.id = i.task_id
    ORDER BY i.ord;
END $$;

-- One unit of the items `ords` of an array of units, 0 where it is not given.
CREATE FUNCTION gateway_units_v1(p_units jsonb[], p_ords bigint[], p_unit text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY(SELECT coalesce((p_units[o.ord] ->> p_unit)::bigint, 0)
                 FROM unnest(p_ords) WITH ORDINALITY AS o (ord, place) ORDER BY o.place);
$$;
