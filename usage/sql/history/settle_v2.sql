-- End holds: capture where a charge is given, release where it is null; one usage event each, in one commit.
--
-- Every array has one element a call. `p_charges` is the price of the actual units at the rate pinned on the
-- hold, or null to release; what exceeds the hold is not charged. A hold ends once: a call whose hold is gone
-- leaves the books untouched. If it ended as is asked now (a commit's answer was lost) it comes back as settled
-- and `repeated`, with what was charged then; else `settled` is false. So settling may be repeated safely.
-- `available` is the account's after the whole batch. What a hold took of its key's caps and did not cost goes back to
-- every meter that it was counted on.
CREATE FUNCTION usage_settle_v2(
    p_account_ids bigint[], p_request_ids uuid[], p_outcomes text[], p_charges bigint[], p_give_trial_back boolean[],
    p_upstreams text[], p_statuses smallint[], p_streamed boolean[], p_estimated boolean[],
    p_tokens_in bigint[], p_tokens_out bigint[], p_images bigint[], p_audio_ms bigint[], p_characters bigint[],
    p_pixel_steps bigint[], p_video_ms bigint[],
    p_latencies_ms integer[], p_upstream_latencies_ms integer[], p_first_bytes_ms integer[], p_attempts jsonb[]
) RETURNS TABLE (settled boolean, charged bigint, available bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- Planned once: planning this statement costs more than carrying it out.
SET plan_cache_mode = force_generic_plan
-- And that plan must last: holds come and go, so a table that was empty then is scanned a thousand dead rows long.
SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
    places bigint[];
    charges bigint[];
    holds_gone bigint;
BEGIN
    PERFORM 1 FROM usage_balance b WHERE b.account_id = ANY (p_account_ids)
    ORDER BY b.account_id FOR NO KEY UPDATE;
    moment := clock_timestamp();

    WITH numbered AS MATERIALIZED (
        SELECT i.ord, i.account_id, i.request_id, i.outcome, i.give_trial_back, i.upstream, i.status, i.streamed,
            i.estimated, i.tokens_in, i.tokens_out, i.images, i.audio_ms, i.characters, i.pixel_steps, i.video_ms,
            i.latency_ms, i.upstream_latency_ms, i.first_byte_ms, i.attempts, h.key_id, h.member_id, h.endpoint, h.model,
            h.route, h.rate_id, h.trial_day, h.held_at, h.started_at, h.meters, h.hold, h.cost,
            CASE WHEN h.cost > 0 THEN b.last_entry
                + sum((h.cost > 0)::int) OVER of_account END AS entry,
            b.total - sum(h.cost) OVER of_account AS balance
        FROM unnest(p_account_ids, p_request_ids, p_outcomes, p_charges, p_give_trial_back, p_upstreams, p_statuses,
                    p_streamed, p_estimated, p_tokens_in, p_tokens_out, p_images, p_audio_ms, p_characters,
                    p_pixel_steps, p_video_ms, p_latencies_ms, p_upstream_latencies_ms, p_first_bytes_ms, p_attempts)
            WITH ORDINALITY AS i (account_id, request_id, outcome, charge, give_trial_back, upstream, status,
                                  streamed, estimated, tokens_in, tokens_out, images, audio_ms, characters,
                                  pixel_steps, video_ms, latency_ms, upstream_latency_ms, first_byte_ms, attempts, ord)
        -- OFFSET 0 keeps these look-ups by key; as joins they would be planned as scans while their tables are small.
        CROSS JOIN LATERAL (
            SELECT h.key_id, h.member_id, h.endpoint, h.model, h.route, h.rate_id, h.trial_day, h.held_at, h.started_at,
                   h.meters, h.amount_microcredits AS hold, least(coalesce(i.charge, 0), h.amount_microcredits) AS cost
            FROM usage_hold h WHERE h.account_id = i.account_id AND h.request_id = i.request_id OFFSET 0) h
        CROSS JOIN LATERAL (
            SELECT b.last_entry, b.available_microcredits + b.held_microcredits AS total
            FROM usage_balance b WHERE b.account_id = i.account_id OFFSET 0) b
        -- A hold that is named twice ends by the first.
        WHERE array_position(p_request_ids, i.request_id) = i.ord
        WINDOW of_account AS (PARTITION BY i.account_id ORDER BY i.ord)
    ), gone AS (
        DELETE FROM usage_hold h
        WHERE h.account_id = ANY (p_account_ids) AND h.request_id = ANY (p_request_ids)
          AND h.account_id = p_account_ids[array_position(p_request_ids, h.request_id)]
        RETURNING 1
    ), entries AS (
        INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits,
            previous_balance_microcredits, balance_microcredits, request_id, created_at)
        SELECT n.account_id, n.entry, 'capture', -n.cost, n.balance + n.cost, n.balance, n.request_id, moment
        FROM numbered n WHERE n.cost > 0
    ), events AS (
        INSERT INTO usage_event (account_id, started_at, request_id, settled_at, key_id, member_id, endpoint, model,
            route, upstream, rate_id, outcome, status, streamed, estimated, trial, tokens_in, tokens_out, images,
            audio_ms, characters, pixel_steps, video_ms, hold_microcredits, cost_microcredits, ledger_entry, latency_ms,
            upstream_latency_ms, first_byte_ms, attempts)
        SELECT n.account_id, n.started_at, n.request_id, moment, n.key_id, n.member_id, n.endpoint, n.model,
            n.route, n.upstream, n.rate_id, n.outcome, n.status, n.streamed, n.estimated, n.trial_day IS NOT NULL,
            n.tokens_in, n.tokens_out, n.images, n.audio_ms, n.characters, n.pixel_steps, n.video_ms, n.hold, n.cost, n.entry, n.latency_ms,
            n.upstream_latency_ms, n.first_byte_ms, n.attempts
        FROM numbered n
    ), totals AS (
        UPDATE usage_balance b
        SET available_microcredits = b.available_microcredits + s.hold - s.cost,
            held_microcredits = b.held_microcredits - s.hold,
            last_entry = b.last_entry + s.entries,
            captured_microcredits = b.captured_microcredits + s.cost,
            holds_ended = b.holds_ended + s.holds
        FROM (SELECT n.account_id, sum(n.hold)::bigint AS hold, sum(n.cost)::bigint AS cost,
                     count(n.entry) AS entries, count(*) AS holds
              FROM numbered n GROUP BY 1) s
        WHERE b.account_id = s.account_id AND b.account_id = ANY (p_account_ids)
    ), meters AS (
        UPDATE usage_key_meter t
        SET day_microcredits = t.day_microcredits - s.day_back,
            month_microcredits = t.month_microcredits - s.month_back
        FROM (SELECT n.account_id, n.key_id,
                     coalesce(sum(n.back) FILTER (WHERE n.held_at >= u.day::timestamp AT TIME ZONE 'UTC'), 0) AS day_back,
                     coalesce(sum(n.back) FILTER (WHERE n.held_at >= u.month::timestamp AT TIME ZONE 'UTC'), 0)
                         AS month_back
              FROM (SELECT n.account_id, unnest(coalesce(n.meters, ARRAY[n.key_id])) AS key_id, n.held_at,
                           n.hold - n.cost AS back
                    FROM numbered n) n
              JOIN usage_key_meter u
                  ON u.account_id = n.account_id AND u.key_id = n.key_id AND u.account_id = ANY (p_account_ids)
              GROUP BY 1, 2) s
        WHERE t.account_id = s.account_id AND t.key_id = s.key_id AND t.account_id = ANY (p_account_ids)
          AND (s.day_back > 0 OR s.month_back > 0)
    ), trials AS (
        UPDATE usage_trial_day d
        SET calls = d.calls - s.calls
        FROM (SELECT n.account_id, n.trial_day, count(*) AS calls FROM numbered n
              WHERE n.give_trial_back AND n.trial_day IS NOT NULL GROUP BY 1, 2) s
        WHERE d.account_id = s.account_id AND d.day = s.trial_day
    )
    SELECT array_agg(n.ord ORDER BY n.ord), array_agg(n.cost ORDER BY n.ord), (SELECT count(*) FROM gone)
    INTO places, charges, holds_gone FROM numbered n;
    -- The balances' locks keep everybody else from these holds; were that ever broken, nothing of this is kept.
    ASSERT holds_gone = coalesce(cardinality(places), 0), 'a hold ended twice';

    IF holds_gone = cardinality(p_request_ids) THEN
        RETURN QUERY
        SELECT true, i.charge, b.available_microcredits, false
        FROM unnest(p_account_ids, charges) WITH ORDINALITY AS i (account_id, charge, ord)
        JOIN usage_balance b ON b.account_id = i.account_id AND b.account_id = ANY (p_account_ids)
        ORDER BY i.ord;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.charged IS NOT NULL, s.charged, CASE WHEN s.charged IS NOT NULL THEN b.available_microcredits END,
           n.ord IS NULL AND e.cost IS NOT NULL
    FROM unnest(p_account_ids, p_request_ids, p_outcomes) WITH ORDINALITY AS i (account_id, request_id, outcome, ord)
    LEFT JOIN unnest(places, charges) AS n (ord, cost) ON n.ord = array_position(p_request_ids, i.request_id)
    LEFT JOIN usage_balance b ON b.account_id = i.account_id AND b.account_id = ANY (p_account_ids)
    -- Settled before: the commit's answer was lost, and the same end is asked for again.
    LEFT JOIN LATERAL (
        SELECT e.cost_microcredits AS cost FROM usage_event e
        WHERE n.ord IS NULL AND e.account_id = i.account_id AND e.request_id = i.request_id
          AND e.started_at = usage_started_at_v1(i.request_id) AND e.outcome = i.outcome OFFSET 0) e ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN n.ord = i.ord THEN n.cost ELSE e.cost END AS charged) s
    ORDER BY i.ord;
END $$;

-- By its first name too: tasks and expired holds end through it, and processes of the release before may run beside
-- this one.
CREATE FUNCTION usage_settle_v1(
    p_account_ids bigint[], p_request_ids uuid[], p_outcomes text[], p_charges bigint[], p_give_trial_back boolean[],
    p_upstreams text[], p_statuses smallint[], p_streamed boolean[], p_estimated boolean[],
    p_tokens_in bigint[], p_tokens_out bigint[], p_images bigint[], p_audio_ms bigint[], p_characters bigint[],
    p_pixel_steps bigint[], p_video_ms bigint[],
    p_latencies_ms integer[], p_upstream_latencies_ms integer[], p_first_bytes_ms integer[], p_attempts jsonb[]
) RETURNS TABLE (settled boolean, charged bigint, available bigint, repeated boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT * FROM usage_settle_v2(p_account_ids, p_request_ids, p_outcomes, p_charges, p_give_trial_back, p_upstreams,
        p_statuses, p_streamed, p_estimated, p_tokens_in, p_tokens_out, p_images, p_audio_ms, p_characters,
        p_pixel_steps, p_video_ms, p_latencies_ms, p_upstream_latencies_ms, p_first_bytes_ms, p_attempts)
$$;
