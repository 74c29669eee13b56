-- Take the next events into the sums: those settled after `rolled_up_to`, at most `p_span` of settling time of them
-- and none settled later than `p_lag` ago. Returns how many there were, and whether there is no more to take.
--
-- The sums and the moment up to which they go change in one transaction, so an event is taken once, whoever is killed.
-- That moment is safe: it is when an earlier turn began, before that turn had its transaction id. A call that settles
-- reads the clock after it has its own id. So ids after the turn's settle later, and once no transaction up to the
-- turn's runs any more, nothing can be added before that moment. Nor can anything where that turn's id has not been
-- given out yet: then these tables came from a dump, and of what ran at the other server nothing runs here.
-- One process does this at a time; others find the state locked and return.
CREATE FUNCTION usage_roll_up_v4(p_span interval, p_lag interval, OUT events bigint, OUT is_done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    state usage_rollup_state;
    is_safe boolean;
    target timestamptz;
    chunk_from timestamptz;
    chunk_to timestamptz;
    span interval := p_span;
BEGIN
    events := 0;
    is_done := true;
    INSERT INTO usage_rollup_state DEFAULT VALUES ON CONFLICT DO NOTHING;
    SELECT * INTO state FROM usage_rollup_state FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    target := state.rolled_up_to;
    is_safe := state.candidate_xid < pg_snapshot_xmin(pg_current_snapshot()) OR state.candidate_xid > pg_current_xact_id();
    IF is_safe THEN
        target := state.candidate_to;
    END IF;
    chunk_from := state.rolled_up_to;
    IF chunk_from = '-infinity' AND target > chunk_from THEN
        SELECT coalesce(min(e.settled_at) - interval '1 microsecond', target) INTO chunk_from FROM usage_event e;
        chunk_from := least(chunk_from, target);
    END IF;
    chunk_to := chunk_from;
    -- Quiet times are passed in one turn.
    WHILE events = 0 AND chunk_to < target LOOP
        chunk_from := chunk_to;
        chunk_to := least(chunk_from + span, target);
        span := span * 4;
        events := usage_add_to_rollups_v3(chunk_from, chunk_to, state);
    END LOOP;
    PERFORM usage_add_refunds_to_rollups_v3(chunk_to, state);
    is_done := chunk_to >= target;
    IF is_done AND coalesce(is_safe, true) THEN
        UPDATE usage_rollup_state
        SET rolled_up_to = chunk_to, candidate_to = greatest(now() - p_lag, chunk_to),
            candidate_xid = pg_current_xact_id();
    ELSE
        UPDATE usage_rollup_state SET rolled_up_to = chunk_to;
    END IF;
END $$;

-- By its name of before too: a worker of the release before may run beside this one.
CREATE OR REPLACE FUNCTION usage_roll_up_v3(p_span interval, p_lag interval, OUT events bigint, OUT is_done boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT * FROM usage_roll_up_v4(p_span, p_lag)
$$;
