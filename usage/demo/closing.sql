-- What the keys' meters would say after all those calls.
INSERT INTO usage_key_meter (account_id, key_id, window_started_at, window_calls, day, day_microcredits, month,
                             month_microcredits, last_used_at)
SELECT account_id, key_id, max(settled_at), 0, current_date,
    coalesce(sum(cost_microcredits) FILTER (WHERE started_at >= current_date), 0), date_trunc('month', now())::date,
    coalesce(sum(cost_microcredits), 0), max(settled_at)
FROM usage_event WHERE account_id = ANY (%(account_ids)s) AND started_at >= date_trunc('month', now())
GROUP BY 1, 2 ON CONFLICT DO NOTHING;
