-- What is held now, and what was spent in the running day and month, moves to where it is counted from now on.
UPDATE usage_hold h
SET meters = coalesce(k.rotation_root_id, k.id) || k.issuer_roots
FROM accounts_apikey k
WHERE k.id = h.key_id AND (k.rotation_root_id IS NOT NULL OR k.issuer_roots IS NOT NULL);

WITH today AS (
    SELECT (now() AT TIME ZONE 'UTC')::date AS day, date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month
), moved AS (
    SELECT t.account_id, meter.id AS key_id,
           sum(t.day_microcredits) FILTER (WHERE t.day = today.day) AS day_microcredits,
           sum(t.month_microcredits) FILTER (WHERE t.month = today.month) AS month_microcredits
    FROM accounts_apikey k
    JOIN usage_key_meter t ON t.account_id = k.account_id AND t.key_id = k.id
    CROSS JOIN today
    CROSS JOIN LATERAL unnest(k.rotation_root_id || k.issuer_roots) AS meter (id)
    WHERE meter.id IS NOT NULL
    GROUP BY 1, 2
)
INSERT INTO usage_key_meter AS t (account_id, key_id, window_started_at, window_calls,
                                  day, day_microcredits, month, month_microcredits, last_used_at)
SELECT m.account_id, m.key_id, 'epoch', 0, today.day, coalesce(m.day_microcredits, 0), today.month,
       coalesce(m.month_microcredits, 0), NULL
FROM moved m CROSS JOIN today
ON CONFLICT (account_id, key_id) DO UPDATE SET
    day = excluded.day,
    day_microcredits = CASE WHEN t.day = excluded.day THEN t.day_microcredits ELSE 0 END + excluded.day_microcredits,
    month = excluded.month,
    month_microcredits = CASE WHEN t.month = excluded.month THEN t.month_microcredits ELSE 0 END
        + excluded.month_microcredits;

UPDATE usage_key_meter t
SET day_microcredits = 0, month_microcredits = 0
FROM accounts_apikey k
WHERE k.id = t.key_id AND k.rotation_root_id IS NOT NULL;
