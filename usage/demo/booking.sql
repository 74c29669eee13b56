-- Book the calls of demo_call: a grant first where an account could not pay for its day, then one entry a capture.
WITH need AS (
    SELECT c.account_id, sum(c.cost)::bigint AS cost, b.available_microcredits AS available, b.last_entry
    FROM demo_call c JOIN usage_balance b USING (account_id) GROUP BY 1, 3, 4
), topped_up AS (
    -- Whole tens of credits, for some weeks; never less than the day takes.
    SELECT account_id, last_entry + 1 AS entry, available,
        ceil(cost * (8 + 20 * random()) / 10000000)::bigint * 10000000 AS amount
    FROM need WHERE available < cost
), entries AS (
    INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits, previous_balance_microcredits,
                                    balance_microcredits, created_at)
    SELECT account_id, entry, 'grant', amount, available, available + amount, %(day)s FROM topped_up
), grants AS (
    INSERT INTO usage_grant (account_id, entry, amount_microcredits, remaining_microcredits, reason, actor, created_at)
    SELECT account_id, entry, amount, amount, 'top-up', 'demo', %(day)s FROM topped_up
)
UPDATE usage_balance b SET available_microcredits = b.available_microcredits + t.amount, last_entry = t.entry
FROM topped_up t WHERE b.account_id = t.account_id;

INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits, previous_balance_microcredits,
                                balance_microcredits, request_id, created_at)
SELECT c.account_id, b.last_entry + c.place, 'capture', -c.cost,
    b.available_microcredits + c.cost - sum(c.cost) OVER spent, b.available_microcredits - sum(c.cost) OVER spent,
    c.request_id, c.settled_at
FROM demo_call c JOIN usage_balance b USING (account_id)
WHERE c.cost > 0
WINDOW spent AS (PARTITION BY c.account_id ORDER BY c.place);

INSERT INTO usage_event (account_id, started_at, request_id, settled_at, key_id, member_id, endpoint, model, route,
    upstream, rate_id, outcome, status, streamed, estimated, trial, tokens_in, tokens_out, images, audio_ms, characters,
    pixel_steps, video_ms, hold_microcredits, cost_microcredits, ledger_entry, latency_ms, upstream_latency_ms,
    first_byte_ms, cache_read_tokens, cache_write_tokens, reasoning_tokens)
SELECT c.account_id, c.started_at, c.request_id, c.settled_at, c.key_id, c.member_id, c.endpoint, c.model, c.route,
    c.upstream, c.rate_id, c.outcome, c.status, c.streamed, c.estimated, c.trial, c.tokens_in, c.tokens_out, c.images,
    c.audio_ms, c.characters, c.pixel_steps, c.video_ms, c.hold, c.cost,
    CASE WHEN c.cost > 0 THEN b.last_entry + c.place END, c.latency_ms, c.upstream_latency_ms, c.first_byte_ms,
    c.cache_read_tokens, c.cache_write_tokens, c.reasoning_tokens
FROM demo_call c JOIN usage_balance b USING (account_id)
ORDER BY c.settled_at;

UPDATE usage_balance b
SET available_microcredits = b.available_microcredits - d.cost, last_entry = b.last_entry + d.captures,
    captured_microcredits = b.captured_microcredits + d.cost,
    lots_settled_at_microcredits = b.captured_microcredits + d.cost,
    holds_opened = b.holds_opened + d.calls, holds_ended = b.holds_ended + d.calls
FROM (SELECT account_id, sum(cost)::bigint AS cost, count(*) FILTER (WHERE cost > 0) AS captures, count(*) AS calls
      FROM demo_call GROUP BY 1) d
WHERE b.account_id = d.account_id;

INSERT INTO usage_trial_day AS t (account_id, day, calls)
SELECT account_id, (settled_at AT TIME ZONE 'UTC')::date, count(*) FROM demo_call WHERE trial GROUP BY 1, 2
ON CONFLICT (account_id, day) DO UPDATE SET calls = t.calls + excluded.calls;

INSERT INTO usage_refusal AS r (account_id, key_id, minute, endpoint, code, calls)
SELECT account_id, key_id, date_trunc('minute', started_at), endpoint,
    CASE WHEN trial AND place %% 3 = 0 THEN 'trial_exhausted'
         ELSE (ARRAY['minute_rate', 'minute_rate', 'insufficient_credits', 'invalid_request', 'unknown_model',
                     'endpoint_not_allowed', 'revoked_key'])[1 + place %% 7] END, 1 + count(*)
FROM demo_call WHERE get_byte(decode(right(request_id::text, 4), 'hex'), 0) < 2 GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (account_id, minute, key_id, endpoint, code) DO UPDATE SET calls = r.calls + excluded.calls
