-- One day of made-up calls: into the table of events, the ledger and the balances, as the books' functions would have.
--
-- Parameters by name: day, until (no call starts later), calls (how many), seed, hours (the cumulative share of the
-- day's calls by hour), streams (the numbers of the streams that are active) and weights (their cumulative shares).
CREATE TEMPORARY TABLE demo_call ON COMMIT DROP AS
WITH drawn AS MATERIALIZED (
    SELECT n, %(day)s::timestamptz + interval '1 hour' * (width_bucket(random(), %(hours)s::float8[]) + random())
               AS started_at,
           (%(streams)s::integer[])[1 + width_bucket(random(), %(weights)s::float8[])] AS stream,
           random() AS ending, random() AS spread, random() AS size, random() AS first, random() AS luck
    FROM generate_series(1, %(calls)s) n
), called AS MATERIALIZED (
    SELECT d.n, date_trunc('milliseconds', d.started_at) AS started_at, s.*, d.size, d.first,
        s.latency_ms * exp(0.55 * sqrt(-2 * ln(greatest(d.spread, 1e-9))) * cos(2 * pi() * d.luck)) AS latency,
        CASE
            -- An upstream has a bad morning now and then.
            WHEN d.ending < 0.25 AND hashtext(s.upstream || (%(day)s::timestamptz)::date) %% 17 = 0
                AND extract(hour FROM d.started_at) BETWEEN 8 AND 10 THEN 'failed'
            WHEN d.ending < 0.006 THEN 'failed'
            WHEN d.ending < 0.008 THEN 'timed_out'
            WHEN d.ending < 0.020 THEN 'rejected'
            WHEN d.ending < 0.027 THEN 'cancelled'
            WHEN d.ending < 0.033 THEN 'partial'
            WHEN d.ending < 0.0332 THEN 'expired'
            ELSE 'succeeded'
        END AS outcome
    FROM drawn d JOIN demo_stream s ON s.number = d.stream
    WHERE d.started_at < %(until)s AND d.started_at >= s.joined_at
), measured AS (
    SELECT c.*, c.outcome IN ('succeeded', 'partial') AS is_charged,
        least(greatest(c.latency, 5), 110000)::integer AS latency_total,
        (c.w_tokens_in > 0)::integer * (40 + 3000 * c.size * c.size * c.size)::bigint AS tokens_in,
        (c.w_tokens_out > 0)::integer * (20 + 900 * c.size * c.first)::bigint AS tokens_out,
        (c.w_images > 0)::integer::bigint AS images,
        (c.w_audio_ms > 0)::integer * (2000 + 120000 * c.size * c.size)::bigint AS audio_ms,
        (c.w_characters > 0)::integer * (20 + 1500 * c.size * c.size)::bigint AS characters,
        (c.w_pixel_steps > 0)::integer * 31457280::bigint AS pixel_steps,
        (c.w_video_ms > 0)::integer * (5000 * (1 + (c.size > 0.7)::integer))::bigint AS video_ms
    FROM called c
), parted AS (
    -- Who asks with a cache mostly finds what was asked before in it, and some think before they answer.
    SELECT m.*, (m.w_cache_read_tokens <> 0 AND m.first > 0.3)::integer * (m.tokens_in * 0.7)::bigint AS cache_read_tokens,
        (m.w_cache_write_tokens <> 0 AND m.first > 0.2)::integer * (m.tokens_in * 0.1)::bigint AS cache_write_tokens,
        (m.endpoint = 'chat' AND m.size > 0.6)::integer * (m.tokens_out * 0.4)::bigint AS reasoning_tokens
    FROM measured m
), priced AS (
    SELECT m.*, CASE WHEN m.is_charged THEN (
            m.tokens_in * w_tokens_in + m.tokens_out * w_tokens_out + m.images * w_images + m.audio_ms * w_audio_ms
            + m.characters * w_characters + m.pixel_steps * w_pixel_steps + m.video_ms * w_video_ms + w_calls
            + m.cache_read_tokens * w_cache_read_tokens + m.cache_write_tokens * w_cache_write_tokens
            + m.reasoning_tokens * w_reasoning_tokens + divisor - 1) / divisor ELSE 0 END AS cost
    FROM parted m
)
SELECT p.account_id, p.started_at,
    (lpad(to_hex((extract(epoch FROM p.started_at) * 1000)::bigint), 12, '0') || '7' || substr(h.hex, 1, 3) || '8'
        || substr(h.hex, 4, 15))::uuid AS request_id,
    p.started_at + p.latency_total * interval '1 millisecond' + interval '3 milliseconds' AS settled_at,
    p.key_id, p.member_id, p.endpoint, p.model, p.route, CASE WHEN p.outcome <> 'expired' THEN p.upstream END AS upstream,
    p.rate_id, p.outcome,
    CASE p.outcome WHEN 'succeeded' THEN 200 WHEN 'partial' THEN 200 WHEN 'failed' THEN 502 WHEN 'rejected' THEN 400
        WHEN 'timed_out' THEN 504 END::smallint AS status,
    p.streams AND p.first > 0.4 AS streamed, p.outcome = 'partial' AS estimated,
    coalesce(p.started_at < p.paid_from, p.is_trial) AS trial,
    CASE WHEN p.is_charged THEN p.tokens_in ELSE 0 END AS tokens_in,
    CASE WHEN p.is_charged THEN p.tokens_out ELSE 0 END AS tokens_out,
    CASE WHEN p.is_charged THEN p.images ELSE 0 END AS images,
    CASE WHEN p.is_charged THEN p.audio_ms ELSE 0 END AS audio_ms,
    CASE WHEN p.is_charged THEN p.characters ELSE 0 END AS characters,
    CASE WHEN p.is_charged THEN p.pixel_steps ELSE 0 END AS pixel_steps,
    CASE WHEN p.is_charged THEN p.video_ms ELSE 0 END AS video_ms,
    CASE WHEN p.is_charged THEN nullif(p.cache_read_tokens, 0) END AS cache_read_tokens,
    CASE WHEN p.is_charged THEN nullif(p.cache_write_tokens, 0) END AS cache_write_tokens,
    CASE WHEN p.is_charged THEN nullif(p.reasoning_tokens, 0) END AS reasoning_tokens,
    p.cost + (p.latency_total * 100) AS hold, p.cost, p.latency_total AS latency_ms,
    CASE WHEN p.outcome NOT IN ('expired') THEN greatest(p.latency_total - 2 - (p.size * 4)::integer, 1) END
        AS upstream_latency_ms,
    CASE WHEN p.is_charged THEN greatest((p.latency_total * (0.1 + 0.5 * p.first))::integer, 1) END AS first_byte_ms,
    row_number() OVER (PARTITION BY p.account_id, p.cost > 0 ORDER BY p.started_at + p.latency_total * interval '1 millisecond', p.n)
        AS place
FROM priced p CROSS JOIN LATERAL (SELECT md5(%(seed)s::text || p.n || p.started_at::text) AS hex) h;
