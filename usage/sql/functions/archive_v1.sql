-- The smallest id that a call which started then can have: ids are version 7 UUIDs, which begin with the time.
CREATE FUNCTION usage_first_request_id_v1(p_moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM p_moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Raise where a call that started then may still end, or is not in the sums with all its refunds.
CREATE FUNCTION usage_refuse_unfinished_v1(p_from timestamptz, p_until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    rolled_up_to timestamptz := (SELECT s.rolled_up_to FROM usage_rollup_state s);
BEGIN
    IF EXISTS (SELECT 1 FROM usage_hold WHERE started_at >= p_from AND started_at < p_until) THEN
        RAISE EXCEPTION 'calls of that month hold credits'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_archive_holds_ended';
    END IF;
    IF rolled_up_to IS NULL
        OR EXISTS (SELECT 1 FROM usage_event e
                   WHERE e.settled_at > rolled_up_to AND e.started_at >= p_from AND e.started_at < p_until)
        OR EXISTS (SELECT 1 FROM usage_refund_to_roll_up WHERE started_at >= p_from AND started_at < p_until) THEN
        RAISE EXCEPTION 'calls or refunds of that month are not in the sums'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_archive_rolled_up';
    END IF;
END $$;

-- Take a month's usage events out of the database, once its file is safe: book what they came to for each account,
-- move `events_from`, detach the month's partition and drop it. All or nothing; the ledger is not touched.
--
-- The arrays are the sums of the file, one element an account. The sums of the same calls by the day must agree with
-- them. Calls are only ever added and refunds only ever grow, so while they agree, and nothing waits to be summed, no
-- call has changed since the file's sums were taken; there is no need to read the events again under a lock.
--
-- It runs as its caller, who has to own the tables. Readers lock `usage_rollup_state` before they look, so none of
-- them finds the events gone and believes that they are there. The locks are asked for last, and waited for less long
-- than anybody would notice: who calls tries again.
CREATE FUNCTION usage_archive_month_v1(
    p_month date, p_file text, p_bytes bigint, p_sha256 text, p_account_ids bigint[], p_calls bigint[],
    p_captures bigint[], p_captured bigint[], p_refunded bigint[]
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    month_from constant timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
    month_until constant timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
    name constant text := 'usage_event_' || to_char(p_month, 'YYYY_MM');
BEGIN
    -- Each statement here has to see what was committed before its locks were granted.
    ASSERT current_setting('transaction_isolation') = 'read committed';
    IF month_until > now() THEN
        RAISE EXCEPTION 'the month is not over'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_archive_month_over';
    END IF;
    PERFORM 1 FROM usage_rollup_state FOR UPDATE;
    IF EXISTS (SELECT 1 FROM usage_archive WHERE month >= p_month) OR EXISTS (
        SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'usage_event'::regclass AND c.relname ~ '^usage_event_[0-9]{4}_[0-9]{2}$'
            AND c.relname < name) THEN
        RAISE EXCEPTION 'months are archived in their order, each once'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_archive_in_order';
    END IF;
    PERFORM usage_refuse_unfinished_v1(month_from, month_until);
    IF EXISTS (
        SELECT 1 FROM unnest(p_account_ids, p_calls, p_captured, p_refunded) AS f (account_id, calls, captured, refunded)
        FULL JOIN (
            SELECT r.account_id, sum(r.calls) AS calls, sum(r.gross_microcredits) AS captured,
                sum(r.refunded_microcredits) AS refunded
            FROM usage_rollup_account_day r
            WHERE r.day_start = 0 AND r.bucket >= month_from AND r.bucket < month_until GROUP BY 1) s USING (account_id)
        WHERE (f.calls, f.captured, f.refunded) IS DISTINCT FROM (s.calls, s.captured, s.refunded)) THEN
        RAISE EXCEPTION 'the file and the sums by the day disagree'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_archive_sums_agree';
    END IF;
    INSERT INTO usage_archive (month, file, bytes, sha256, calls)
    SELECT p_month, p_file, p_bytes, p_sha256, coalesce(sum(c), 0) FROM unnest(p_calls) c;
    INSERT INTO usage_archived_month
        (account_id, month, calls, captures, captured_microcredits, refunded_microcredits)
    SELECT f.account_id, p_month, f.calls, f.captures, f.captured, f.refunded
    FROM unnest(p_account_ids, p_calls, p_captures, p_captured, p_refunded)
        AS f (account_id, calls, captures, captured, refunded);

    PERFORM pg_advisory_xact_lock(hashtext('usage_make_partitions'));
    LOCK TABLE usage_rollup_state IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE ONLY usage_event IN ACCESS EXCLUSIVE MODE;
    PERFORM usage_refuse_unfinished_v1(month_from, month_until);
    UPDATE usage_rollup_state SET events_from = month_until;
    EXECUTE format('ALTER TABLE usage_event DETACH PARTITION public.%I', name);
    EXECUTE format('DROP TABLE public.%I', name);
END $$;
