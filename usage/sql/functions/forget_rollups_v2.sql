-- Empty the sums, to be made anew by usage_roll_up_v3 for days that start at these minutes after midnight UTC (null:
-- as they are). Readers meanwhile add up the events themselves. Minutes and hours before these moments are left out.
CREATE FUNCTION usage_reset_rollups_v1(p_day_starts integer[], p_minutes_from timestamptz, p_hours_from timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Every reader has this table's lock from before its snapshot: none of them finds the sums gone.
    LOCK TABLE usage_rollup_state IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT 1 FROM usage_rollup_state WHERE events_from > '-infinity') THEN
        RAISE EXCEPTION 'events are archived, so their sums cannot be made anew'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_rollups_need_events';
    END IF;
    INSERT INTO usage_rollup_state DEFAULT VALUES ON CONFLICT DO NOTHING;
    TRUNCATE usage_rollup_minute, usage_rollup_hour, usage_rollup_day, usage_rollup_account_day,
        usage_refund_to_roll_up;
    INSERT INTO usage_refund_to_roll_up (account_id, entry, started_at, request_id, amount_microcredits)
    SELECT r.account_id, r.entry, usage_started_at_v1(l.request_id), l.request_id, r.amount_microcredits
    FROM usage_refund r JOIN usage_ledger_entry l ON l.account_id = r.account_id AND l.entry = r.capture_entry;
    UPDATE usage_rollup_state
    SET rolled_up_to = '-infinity', candidate_to = NULL, candidate_xid = NULL,
        day_starts = coalesce(p_day_starts, day_starts),
        minutes_from = date_trunc('hour', p_minutes_from), hours_from = date_trunc('hour', p_hours_from);
END $$;

-- Forget at most `p_limit` rows of each table of minutes and of hours that ended before these moments; returns how many.
CREATE FUNCTION usage_forget_rollups_v2(p_minutes_from timestamptz, p_hours_from timestamptz, p_limit integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    state usage_rollup_state;
    forgotten integer;
    level text;
    kept_from timestamptz;
    whose text;
    n integer;
BEGIN
    SELECT * INTO state FROM usage_rollup_state FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    state.minutes_from := greatest(state.minutes_from, date_trunc('hour', p_minutes_from));
    state.hours_from := greatest(state.hours_from, date_trunc('hour', p_hours_from));
    UPDATE usage_rollup_state SET minutes_from = state.minutes_from, hours_from = state.hours_from;
    -- Rows are deleted by their place, which is unique in one table only.
    forgotten := 0;
    FOR level, kept_from IN VALUES ('minute', state.minutes_from), ('hour', state.hours_from) LOOP
        FOREACH whose IN ARRAY ARRAY['each', 'everybody'] LOOP
            EXECUTE format('DELETE FROM usage_rollup_%1$s_%2$s WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM usage_rollup_%1$s_%2$s WHERE bucket < $1 LIMIT $2))', level, whose)
            USING kept_from, p_limit;
            GET DIAGNOSTICS n = ROW_COUNT;
            forgotten := forgotten + n;
        END LOOP;
    END LOOP;
    RETURN forgotten;
END $$;
