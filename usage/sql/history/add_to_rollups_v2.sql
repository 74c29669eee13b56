-- All that the coarsest sums know of an outcome: whether it is an error.
CREATE FUNCTION usage_coarse_outcome_v1(p_outcome text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_outcome IN ('rejected', 'failed', 'timed_out', 'expired') THEN 'failed' ELSE 'succeeded' END
$$;

-- Add the events settled after `p_after` until `p_to` to every level. The caller has the state locked.
CREATE FUNCTION usage_add_to_rollups_v2(p_after timestamptz, p_to timestamptz, p_state usage_rollup_state) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- A histogram being summed takes some kilobytes, and there are thousands at once.
SET work_mem = '128MB'
-- Few events are expected of joins on so many columns, and then the periods of all plans are read for each of them: a
-- seventh of the speed with a thousand accounts, and less with more.
SET enable_nestloop = off
-- Before PostgreSQL 18 the joins that can be nothing else then count as so costly that all would be compiled each time.
SET jit = off AS $$
DECLARE
    counted bigint;
BEGIN
    INSERT INTO usage_call_kind (plan, endpoint, model, route, upstream, outcome)
    SELECT DISTINCT k.plan, e.endpoint, e.model, e.route, coalesce(e.upstream, ''), k.outcome
    FROM usage_event e
    LEFT JOIN usage_plan_period p
        ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
    CROSS JOIN LATERAL (VALUES (coalesce(p.plan, ''), e.outcome), ('', usage_coarse_outcome_v1(e.outcome)))
        AS k (plan, outcome)
    WHERE e.settled_at > p_after AND e.settled_at <= p_to
    EXCEPT SELECT k.plan, k.endpoint, k.model, k.route, k.upstream, k.outcome FROM usage_call_kind k
    ON CONFLICT DO NOTHING;
    EXECUTE usage_rollup_statement_v2('', $sql$
        SELECT e.account_id, e.started_at, e.key_id, coalesce(e.member_id, 0) AS member_id, k.id AS kind_id,
            1 AS calls, (e.outcome IN ('rejected', 'failed', 'timed_out', 'expired'))::integer AS errors,
            e.cost_microcredits AS gross_microcredits, 0 AS refunded_microcredits, e.tokens_in, e.tokens_out,
            e.images, e.audio_ms, e.characters, e.pixel_steps, e.video_ms,
            CASE WHEN e.outcome <> 'expired' THEN usage_latency_mark_v1(e.latency_ms) END AS latencies,
            usage_latency_mark_v1(e.upstream_latency_ms) AS upstream_latencies,
            usage_latency_mark_v1(e.first_byte_ms) AS first_bytes
        FROM usage_event e
        LEFT JOIN usage_plan_period p
            ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
        JOIN usage_call_kind k ON k.plan = coalesce(p.plan, '') AND k.endpoint = e.endpoint AND k.model = e.model
            AND k.route = e.route AND k.upstream = coalesce(e.upstream, '') AND k.outcome = e.outcome
        WHERE e.settled_at > $1 AND e.settled_at <= $2
    $sql$) INTO counted USING p_after, p_to, p_state.day_starts, p_state.minutes_from, p_state.hours_from;
    RETURN counted;
END $$;

-- Add the refunds of events that are in the sums, and strike them off the list of those to add.
CREATE FUNCTION usage_add_refunds_to_rollups_v2(p_to timestamptz, p_state usage_rollup_state) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM usage_refund_to_roll_up) THEN
        RETURN;
    END IF;
    EXECUTE usage_rollup_statement_v2($sql$taken AS (
        DELETE FROM usage_refund_to_roll_up r USING usage_event e
        WHERE e.account_id = r.account_id AND e.started_at = r.started_at AND e.request_id = r.request_id
            AND e.settled_at <= $2
        RETURNING r.amount_microcredits, e.account_id, e.started_at, e.key_id, e.member_id, e.endpoint, e.model,
            e.route, e.upstream, e.outcome
    ), $sql$, $sql$
        SELECT e.account_id, e.started_at, e.key_id, coalesce(e.member_id, 0) AS member_id, k.id AS kind_id,
            0 AS calls, 0 AS errors, 0 AS gross_microcredits, e.amount_microcredits AS refunded_microcredits,
            0 AS tokens_in, 0 AS tokens_out, 0 AS images, 0 AS audio_ms, 0 AS characters, 0 AS pixel_steps,
            0 AS video_ms, 0::numeric AS latencies, 0::numeric AS upstream_latencies, 0::numeric AS first_bytes
        FROM taken e
        LEFT JOIN usage_plan_period p
            ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
        JOIN usage_call_kind k ON k.plan = coalesce(p.plan, '') AND k.endpoint = e.endpoint AND k.model = e.model
            AND k.route = e.route AND k.upstream = coalesce(e.upstream, '') AND k.outcome = e.outcome
    $sql$) INTO counted
    USING NULL::timestamptz, p_to, p_state.day_starts, p_state.minutes_from, p_state.hours_from;
END $$;

-- The statement that adds the calls of `p_source`, which may read from `p_with`, to every level; it answers how many
-- calls they are. Its parameters from the third on are the days' starts, and from when minutes and hours are kept.
CREATE FUNCTION usage_rollup_statement_v2(p_with text, p_source text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    measures constant text[] := ARRAY['calls', 'gross_microcredits', 'refunded_microcredits', 'tokens_in',
        'tokens_out', 'images', 'audio_ms', 'characters', 'pixel_steps', 'video_ms', 'latencies',
        'upstream_latencies', 'first_bytes'];
    columns text := array_to_string(measures, ', ');
    sums text := (SELECT string_agg(format('coalesce(sum(%s), 0) AS %s', m, m), ', ') FROM unnest(measures) m);
    adding text := (SELECT string_agg(format('%s = r.%s + excluded.%s', m, m, m), ', ') FROM unnest(measures) m);
BEGIN
    -- Everybody's sums are the same groups without account, key and member, as account 0; and as account -1 also
    -- without plan, and with no more of the outcome than whether it is an error. Rows are added in the order in which
    -- they are read, so that those of an account lie together.
    RETURN format($sql$WITH %5$sevent AS (%1$s), added AS MATERIALIZED (
        -- Where minutes are kept no more, whatever still tells the days apart is fine enough.
        SELECT account_id, date_bin(CASE WHEN started_at >= $4 THEN '1 minute'::interval ELSE w.width END, started_at,
                                    'epoch') AS bucket, key_id, member_id, kind_id, sum(errors) AS errors, %2$s
        FROM event CROSS JOIN (SELECT CASE WHEN bool_and(d %% 60 = 0) THEN '1 hour'::interval
                                          ELSE '15 minutes' END AS width FROM unnest($3) d) w
        GROUP BY 1, 2, 3, 4, 5
    ), everybody AS MATERIALIZED (
        SELECT bucket, kind_id, sum(errors) AS errors, %2$s FROM added GROUP BY 1, 2
    ), minutes AS MATERIALIZED (
        SELECT account_id, bucket, key_id, member_id, kind_id, errors, %4$s FROM added
        UNION ALL SELECT 0, bucket, 0, 0, kind_id, errors, %4$s FROM everybody
        UNION ALL SELECT -1, e.bucket, 0, 0, c.id, sum(e.errors), %2$s FROM everybody e
            JOIN usage_call_kind k ON k.id = e.kind_id
            JOIN usage_call_kind c ON c.plan = '' AND c.endpoint = k.endpoint AND c.model = k.model
                AND c.route = k.route AND c.upstream = k.upstream AND c.outcome = usage_coarse_outcome_v1(k.outcome)
            GROUP BY 2, 5
    ), hours AS MATERIALIZED (
        SELECT account_id, date_bin('1 hour', bucket, 'epoch') AS bucket, key_id, member_id, kind_id,
            sum(errors) AS errors, %2$s
        FROM minutes GROUP BY 1, 2, 3, 4, 5
    ), days AS MATERIALIZED (
        SELECT account_id, d.day_start, date_bin('1 day', m.bucket, 'epoch'::timestamptz + d.day_start * interval '1 minute')
            AS bucket, key_id, member_id, kind_id, sum(errors) AS errors, %2$s
        FROM minutes m CROSS JOIN unnest($3) AS d (day_start) GROUP BY 1, 2, 3, 4, 5, 6
    ), to_minutes AS (
        INSERT INTO usage_rollup_minute AS r (account_id, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, bucket, key_id, member_id, kind_id, %4$s FROM minutes WHERE bucket >= $4
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account_id, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_hours AS (
        INSERT INTO usage_rollup_hour AS r (account_id, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, bucket, key_id, member_id, kind_id, %4$s FROM hours WHERE bucket >= $5
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account_id, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_days AS (
        INSERT INTO usage_rollup_day AS r (account_id, day_start, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, day_start, bucket, key_id, member_id, kind_id, %4$s FROM days
        ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (account_id, day_start, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_account_days AS (
        INSERT INTO usage_rollup_account_day AS r
            (day_start, bucket, account_id, calls, errors, gross_microcredits, refunded_microcredits)
        SELECT day_start, bucket, account_id, sum(calls), sum(errors), sum(gross_microcredits),
            sum(refunded_microcredits)
        FROM days WHERE account_id > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (day_start, bucket, account_id) DO UPDATE SET calls = r.calls + excluded.calls,
            errors = r.errors + excluded.errors,
            gross_microcredits = r.gross_microcredits + excluded.gross_microcredits,
            refunded_microcredits = r.refunded_microcredits + excluded.refunded_microcredits
    ) SELECT coalesce(sum(calls), 0)::bigint FROM added$sql$, p_source, sums, adding, columns, p_with);
END $$;
