-- Every disagreement between the books, as rows; none when they are right. Runs in one snapshot.
--
-- Calls of archived months have no events: what was booked when they were archived stands for them, by account and
-- month. An event that came later (it is in the default partition) counts beside it.
CREATE FUNCTION usage_reconcile_v2() RETURNS TABLE (problem text, account_id bigint, detail text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH ledger AS (
        SELECT account_id, sum(amount_microcredits)::bigint AS total, max(entry) AS last_entry, count(*) AS entries,
               coalesce(-sum(amount_microcredits) FILTER (WHERE kind = 'capture'), 0)::bigint AS captured
        FROM usage_ledger_entry GROUP BY 1
    ), hold AS (
        SELECT account_id, sum(amount_microcredits)::bigint AS held, count(*) AS holds FROM usage_hold GROUP BY 1
    ), event AS (
        SELECT account_id, sum(events)::bigint AS events, sum(cost)::bigint AS cost
        FROM (SELECT account_id, count(*) AS events, sum(cost_microcredits)::bigint AS cost FROM usage_event GROUP BY 1
              UNION ALL SELECT account_id, calls, captured_microcredits FROM usage_archived_month) either
        GROUP BY 1
    ), archive AS MATERIALIZED (
        -- The first ids of the archived months and of the time after them; nulls where none is archived.
        SELECT array_agg(usage_first_request_id_v1(a.month::timestamp AT TIME ZONE 'UTC') ORDER BY a.month) AS first_ids,
            array_agg(a.month ORDER BY a.month) AS months,
            (SELECT s.events_from FROM usage_rollup_state s WHERE s.events_from > '-infinity') AS until,
            (SELECT usage_first_request_id_v1(s.events_from) FROM usage_rollup_state s WHERE s.events_from > '-infinity')
                AS until_id
        FROM usage_archive a
    ), archived AS (
        SELECT account_id, place, sum(captures)::bigint AS captures, sum(captured)::bigint AS captured,
            sum(refunded)::bigint AS refunded
        FROM (SELECT m.account_id, array_position(a.months, m.month) AS place, m.captures,
                  m.captured_microcredits AS captured, m.refunded_microcredits AS refunded
              FROM usage_archived_month m CROSS JOIN archive a
              UNION ALL
              SELECT e.account_id, width_bucket(e.request_id, a.first_ids), (e.ledger_entry IS NOT NULL)::integer,
                  e.cost_microcredits, e.refunded_microcredits
              FROM usage_event e CROSS JOIN archive a WHERE e.started_at < (SELECT until FROM archive)) either
        GROUP BY 1, 2
    ), archived_in_ledger AS (
        SELECT l.account_id, width_bucket(l.request_id, a.first_ids) AS place,
            count(*) FILTER (WHERE l.kind = 'capture') AS captures,
            coalesce(-sum(l.amount_microcredits) FILTER (WHERE l.kind = 'capture'), 0)::bigint AS captured,
            coalesce(sum(l.amount_microcredits) FILTER (WHERE l.kind = 'refund'), 0)::bigint AS refunded
        FROM usage_ledger_entry l CROSS JOIN archive a
        -- The second condition spares the whole look where nothing is archived.
        WHERE l.request_id < (SELECT until_id FROM archive) AND (SELECT until_id FROM archive) IS NOT NULL
        GROUP BY 1, 2
    )
    SELECT 'ledger total is not available plus held', b.account_id,
           format('ledger %s, available %s, held %s', coalesce(l.total, 0), b.available_microcredits,
                  b.held_microcredits)
    FROM usage_balance b LEFT JOIN ledger l USING (account_id)
    WHERE coalesce(l.total, 0) <> b.available_microcredits + b.held_microcredits
    UNION ALL
    SELECT 'held is not the sum of the open holds', b.account_id,
           format('held %s, holds %s', b.held_microcredits, coalesce(h.held, 0))
    FROM usage_balance b LEFT JOIN hold h USING (account_id) WHERE b.held_microcredits <> coalesce(h.held, 0)
    UNION ALL
    SELECT 'holds opened are not holds ended plus open', b.account_id,
           format('opened %s, ended %s, open %s', b.holds_opened, b.holds_ended, coalesce(h.holds, 0))
    FROM usage_balance b LEFT JOIN hold h USING (account_id)
    WHERE b.holds_opened <> b.holds_ended + coalesce(h.holds, 0)
    UNION ALL
    SELECT 'holds ended are not the usage events', b.account_id,
           format('ended %s, events %s', b.holds_ended, coalesce(e.events, 0))
    FROM usage_balance b LEFT JOIN event e USING (account_id) WHERE b.holds_ended <> coalesce(e.events, 0)
    UNION ALL
    SELECT 'captured is not the sum of captures and of event costs', b.account_id,
           format('captured %s, ledger %s, events %s', b.captured_microcredits, coalesce(l.captured, 0),
                  coalesce(e.cost, 0))
    FROM usage_balance b LEFT JOIN ledger l USING (account_id) LEFT JOIN event e USING (account_id)
    WHERE b.captured_microcredits <> coalesce(l.captured, 0) OR b.captured_microcredits <> coalesce(e.cost, 0)
    UNION ALL
    SELECT 'ledger entries are not numbered 1 to last', b.account_id,
           format('last %s, highest %s, count %s', b.last_entry, coalesce(l.last_entry, 0), coalesce(l.entries, 0))
    FROM usage_balance b LEFT JOIN ledger l USING (account_id)
    WHERE b.last_entry <> coalesce(l.last_entry, 0) OR b.last_entry <> coalesce(l.entries, 0)
    UNION ALL
    SELECT 'a ledger entry does not start where the one before ended', l.account_id,
           format('entry %s starts at %s', l.entry, l.previous_balance_microcredits)
    FROM (SELECT account_id, entry, previous_balance_microcredits,
                 lag(balance_microcredits, 1, 0::bigint) OVER (PARTITION BY account_id ORDER BY entry) AS ended
          FROM usage_ledger_entry) l
    WHERE l.previous_balance_microcredits <> l.ended
    UNION ALL
    SELECT 'a capture and its usage event disagree', coalesce(l.account_id, e.account_id),
           format('entry %s of request %s: ledger %s, event %s', coalesce(l.entry, e.ledger_entry),
                  coalesce(l.request_id, e.request_id), -l.amount_microcredits, e.cost_microcredits)
    FROM (SELECT * FROM usage_ledger_entry WHERE kind = 'capture') l
    FULL JOIN (SELECT * FROM usage_event WHERE ledger_entry IS NOT NULL) e
        ON e.account_id = l.account_id AND e.ledger_entry = l.entry
    WHERE l.entry IS NULL OR e.request_id <> l.request_id OR e.cost_microcredits <> -l.amount_microcredits
        OR e.ledger_entry IS NULL AND NOT coalesce(l.request_id < (SELECT until_id FROM archive), false)
    UNION ALL
    SELECT 'an archived month and the ledger disagree', coalesce(l.account_id, m.account_id),
           format('%s: ledger %s captures, %s captured, %s refunded; archived %s, %s, %s',
                  coalesce(a.months[coalesce(l.place, m.place)]::text, 'before the first'), coalesce(l.captures, 0),
                  coalesce(l.captured, 0), coalesce(l.refunded, 0), coalesce(m.captures, 0), coalesce(m.captured, 0),
                  coalesce(m.refunded, 0))
    FROM archived_in_ledger l FULL JOIN archived m ON m.account_id = l.account_id AND m.place = l.place
    CROSS JOIN archive a
    WHERE (coalesce(l.captures, 0), coalesce(l.captured, 0), coalesce(l.refunded, 0))
        <> (coalesce(m.captures, 0), coalesce(m.captured, 0), coalesce(m.refunded, 0))
    UNION ALL
    SELECT 'a call has two usage events', e.account_id, format('request %s', e.request_id)
    FROM usage_event e GROUP BY e.account_id, e.request_id HAVING count(*) > 1
    UNION ALL
    SELECT 'a call has a usage event and an open hold', h.account_id, format('request %s', h.request_id)
    FROM usage_hold h JOIN usage_event e
        ON e.account_id = h.account_id AND e.started_at = h.started_at AND e.request_id = h.request_id
    UNION ALL
    SELECT 'a usage event''s refunds are not the ledger''s', e.account_id,
           format('request %s: event %s, ledger %s', e.request_id, e.refunded_microcredits, coalesce(r.total, 0))
    FROM usage_event e
    LEFT JOIN (SELECT account_id, cause_entry, sum(amount_microcredits)::bigint AS total
               FROM usage_ledger_entry WHERE kind = 'refund' GROUP BY 1, 2) r
        ON r.account_id = e.account_id AND r.cause_entry = e.ledger_entry
    WHERE e.refunded_microcredits <> coalesce(r.total, 0)
    UNION ALL
    SELECT 'a grant and its ledger entry disagree', coalesce(l.account_id, g.account_id),
           format('entry %s: ledger %s, grant %s', coalesce(l.entry, g.entry), l.amount_microcredits,
                  g.amount_microcredits)
    FROM (SELECT * FROM usage_ledger_entry WHERE kind = 'grant') l
    FULL JOIN usage_grant g ON g.account_id = l.account_id AND g.entry = l.entry
    WHERE l.amount_microcredits IS DISTINCT FROM g.amount_microcredits
    UNION ALL
    SELECT 'a refund and its ledger entry disagree', coalesce(l.account_id, r.account_id),
           format('entry %s of capture %s: ledger %s, refund %s', coalesce(l.entry, r.entry),
                  coalesce(l.cause_entry, r.capture_entry), l.amount_microcredits, r.amount_microcredits)
    FROM (SELECT * FROM usage_ledger_entry WHERE kind = 'refund') l
    FULL JOIN usage_refund r ON r.account_id = l.account_id AND r.entry = l.entry
    WHERE l.amount_microcredits IS DISTINCT FROM r.amount_microcredits OR l.cause_entry <> r.capture_entry
    UNION ALL
    SELECT 'what expired and what is left of a grant is more than the grant', x.account_id,
           format('entry %s: expired %s, left %s, granted %s', x.cause_entry, x.expired,
                  coalesce(g.remaining_microcredits, 0), coalesce(g.amount_microcredits, 0))
    FROM (SELECT account_id, cause_entry, -sum(amount_microcredits)::bigint AS expired
          FROM usage_ledger_entry WHERE kind = 'expiry' GROUP BY 1, 2) x
    LEFT JOIN usage_grant g ON g.account_id = x.account_id AND g.entry = x.cause_entry
    WHERE x.expired + coalesce(g.remaining_microcredits, 0) > coalesce(g.amount_microcredits, 0)
    UNION ALL
    SELECT 'an account has ledger entries, holds or events but no balance', x.account_id, ''
    FROM (SELECT account_id FROM ledger UNION SELECT account_id FROM hold UNION SELECT account_id FROM event) x
    WHERE NOT EXISTS (SELECT 1 FROM usage_balance b WHERE b.account_id = x.account_id);
$$;
