-- Take tasks that are due: for each upstream at most so many, longest overdue first, passing over what another
-- worker is taking at this moment. A task taken is this owner's until its lease ends; a task that was 'held' is
-- 'submitting' once this has committed, so that nobody asks the upstream a second time by mistake.
--
-- `state` is the one it was found in. `parameters` are null where they are not needed again.
CREATE FUNCTION gateway_claim_tasks_v1(
    p_owner uuid, p_lease_s double precision, p_upstreams text[], p_limits integer[]
) RETURNS TABLE (
    account_id bigint, id text, state text, endpoint text, model text, route text, adapter text, upstream text,
    rate_id bigint, parameters jsonb, units jsonb, marker text, upstream_reference jsonb, polls integer,
    errors integer, running_s double precision, late_s double precision
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    moment constant timestamptz := clock_timestamp();
    wanted record;
    some_accounts bigint[]; some_tasks text[]; some_dues timestamptz[];
    accounts bigint[] := '{}';
    tasks text[] := '{}';
    dues timestamptz[] := '{}';
BEGIN
    FOR wanted IN SELECT * FROM unnest(p_upstreams, p_limits) AS u (upstream, most) LOOP
        SELECT array_agg(p.account_id), array_agg(p.task_id), array_agg(p.due_at)
        INTO some_accounts, some_tasks, some_dues
        FROM (SELECT d.account_id, d.task_id, d.due_at FROM gateway_task_due d
              WHERE d.upstream = wanted.upstream AND d.due_at <= moment
              ORDER BY d.due_at LIMIT wanted.most FOR UPDATE SKIP LOCKED) p;
        accounts := accounts || some_accounts;
        tasks := tasks || some_tasks;
        dues := dues || some_dues;
    END LOOP;
    IF cardinality(accounts) = 0 THEN
        RETURN;
    END IF;
    -- A statement of its own, after the locks: what it reads cannot change any more.
    RETURN QUERY
    WITH leased AS (
        UPDATE gateway_task_due d
        SET lease_owner = p_owner, due_at = moment + p_lease_s * interval '1 second', hinted = false
        FROM unnest(accounts, tasks, dues) AS p (account_id, task_id, due_at)
        WHERE d.account_id = p.account_id AND d.task_id = p.task_id
        RETURNING d.account_id, d.task_id, d.polls, d.errors, p.due_at
    )
    SELECT t.account_id, t.id, t.state, t.endpoint, t.model, t.route, t.adapter, t.upstream, t.rate_id,
           CASE WHEN t.state IN ('held', 'submitting') THEN t.parameters END,
           t.units, t.marker, t.upstream_reference, l.polls, l.errors,
           extract(epoch FROM moment - t.running_at)::double precision,
           extract(epoch FROM moment - l.due_at)::double precision
    FROM leased l JOIN gateway_task t ON t.account_id = l.account_id AND t.id = l.task_id;
    UPDATE gateway_task t SET state = 'submitting', submit_attempted_at = moment
    FROM unnest(accounts, tasks) AS p (account_id, task_id)
    WHERE t.account_id = p.account_id AND t.id = p.task_id AND t.state = 'held';
END $$;

-- Write down what steps led to, and give the tasks back until they are due again; whether each was still the
-- owner's to write. `p_states`: 'running' (the upstream took it; with its reference), 'held' (it surely did not),
-- 'over' (an ended task with nothing left to do), or null (as it was: one more look).
CREATE FUNCTION gateway_record_steps_v1(
    p_owner uuid, p_account_ids bigint[], p_ids text[], p_states text[], p_delays_ms bigint[], p_errors integer[],
    p_references jsonb[], p_upstream_keys text[]
) RETURNS TABLE (kept boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
BEGIN
    PERFORM 1 FROM gateway_task_due d
    JOIN unnest(p_account_ids, p_ids) AS i (account_id, task_id) ON d.account_id = i.account_id AND d.task_id = i.task_id
    ORDER BY d.account_id, d.task_id FOR UPDATE OF d;
    moment := clock_timestamp();

    UPDATE gateway_task t
    SET state = i.state,
        running_at = CASE WHEN i.state = 'running' THEN moment END,
        upstream_reference = i.reference,
        upstream_key = i.upstream_key
    FROM unnest(p_account_ids, p_ids, p_states, p_references, p_upstream_keys)
        AS i (account_id, task_id, state, reference, upstream_key)
    JOIN gateway_task_due d ON d.account_id = i.account_id AND d.task_id = i.task_id AND d.lease_owner = p_owner
    WHERE t.account_id = i.account_id AND t.id = i.task_id
      AND t.state IN ('submitting') AND i.state IN ('running', 'held');

    RETURN QUERY
    WITH item AS MATERIALIZED (
        SELECT * FROM unnest(p_account_ids, p_ids, p_states, p_delays_ms, p_errors)
            WITH ORDINALITY AS i (account_id, task_id, state, delay_ms, errors, ord)
    ), over AS (
        DELETE FROM gateway_task_due d USING item i
        WHERE d.account_id = i.account_id AND d.task_id = i.task_id AND d.lease_owner = p_owner AND i.state = 'over'
        RETURNING i.ord
    ), again AS (
        UPDATE gateway_task_due d
        SET lease_owner = NULL,
            hinted = false,
            errors = i.errors,
            polls = CASE WHEN i.state IS NULL THEN d.polls + 1 ELSE 0 END,
            -- Never past the deadline without a last look.
            due_at = CASE WHEN d.hinted THEN moment ELSE least(
                moment + i.delay_ms * interval '1 millisecond',
                greatest(d.deadline_at - interval '2 seconds', moment + interval '500 milliseconds')) END
        FROM item i
        WHERE d.account_id = i.account_id AND d.task_id = i.task_id AND d.lease_owner = p_owner
          AND i.state IS DISTINCT FROM 'over'
        RETURNING i.ord
    )
    SELECT i.ord IN (SELECT o.ord FROM over o UNION ALL SELECT a.ord FROM again a)
    FROM item i ORDER BY i.ord;
END $$;

-- Keep tasks that are still being worked on; one that is being written down at this moment is passed over.
CREATE FUNCTION gateway_renew_leases_v1(
    p_owner uuid, p_lease_s double precision, p_account_ids bigint[], p_ids text[]
) RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH mine AS (
        SELECT d.account_id, d.task_id FROM gateway_task_due d
        JOIN unnest(p_account_ids, p_ids) AS i (account_id, task_id)
            ON d.account_id = i.account_id AND d.task_id = i.task_id
        WHERE d.lease_owner = p_owner FOR UPDATE OF d SKIP LOCKED
    ), renewed AS (
        UPDATE gateway_task_due d SET due_at = clock_timestamp() + p_lease_s * interval '1 second'
        FROM mine m WHERE d.account_id = m.account_id AND d.task_id = m.task_id
        RETURNING 1
    )
    SELECT count(*)::integer FROM renewed;
$$;

-- The upstream says that something happened to its task: look at it now. Whether there is such a task to look at.
CREATE FUNCTION gateway_hint_task_v1(p_upstream text, p_upstream_key text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE gateway_task_due d
    SET hinted = true,
        due_at = CASE WHEN d.lease_owner IS NULL THEN least(d.due_at, clock_timestamp()) ELSE d.due_at END
    FROM gateway_task t
    WHERE t.upstream = p_upstream AND t.upstream_key = p_upstream_key AND t.state IN ('running')
      AND d.account_id = t.account_id AND d.task_id = t.id;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pg_notify('aio_task', '');
    RETURN true;
END $$;

-- Give up on ended tasks whose upstream could not be told to stop until long after their deadline.
CREATE FUNCTION gateway_forget_ended_v1() RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH forgotten AS (
        DELETE FROM gateway_task_due d USING gateway_task t
        WHERE d.deadline_at < clock_timestamp() - interval '1 hour'
          AND t.account_id = d.account_id AND t.id = d.task_id AND t.ended_at IS NOT NULL
        RETURNING 1
    )
    SELECT count(*)::integer FROM forgotten;
$$;
