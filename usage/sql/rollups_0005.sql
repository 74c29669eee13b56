-- Sums of all accounts lie in tables of their own, and there is a coarser kind of them.
--
-- They are read for months at once. Among the accounts' rows every one of them had a page to itself, so that a report
-- of 90 days read 25,000 pages; on their own they fill some thousands. Rows of account -1 are coarser again: without
-- plans, and of outcomes only whether they are errors. Most reports ask for no more.
DO $$
DECLARE
    level text;
    place text;
    columns text;
BEGIN
    FOREACH level IN ARRAY ARRAY['minute', 'hour', 'day'] LOOP
        place := CASE level WHEN 'day' THEN 'account_id, day_start, bucket' ELSE 'account_id, bucket' END;
        EXECUTE format('ALTER TABLE usage_rollup_%1$s RENAME TO usage_rollup_%1$s_each', level);
        EXECUTE format('ALTER INDEX usage_rollup_%1$s_pkey RENAME TO usage_rollup_%1$s_each_pkey', level);
        EXECUTE format('CREATE TABLE usage_rollup_%1$s (LIKE usage_rollup_%1$s_each INCLUDING COMMENTS,
            PRIMARY KEY (%2$s, key_id, member_id, kind_id)) PARTITION BY LIST (account_id)', level, place);
        EXECUTE format('CREATE TABLE usage_rollup_%1$s_everybody PARTITION OF usage_rollup_%1$s FOR VALUES IN (0, -1)
            WITH (fillfactor = %2$s)', level, CASE level WHEN 'day' THEN 60 ELSE 80 END);
        EXECUTE format('WITH moved AS (DELETE FROM usage_rollup_%1$s_each WHERE account_id = 0 RETURNING *)
            INSERT INTO usage_rollup_%1$s SELECT * FROM moved ORDER BY %2$s, kind_id', level, place);
        EXECUTE format('ALTER TABLE usage_rollup_%1$s ATTACH PARTITION usage_rollup_%1$s_each DEFAULT', level);
    END LOOP;
END $$;

INSERT INTO usage_call_kind (plan, endpoint, model, route, upstream, outcome)
SELECT DISTINCT '', endpoint, model, route, upstream, usage_coarse_outcome_v1(outcome) FROM usage_call_kind
ON CONFLICT DO NOTHING;
DO $$
DECLARE
    measures constant text[] := ARRAY['calls', 'gross_microcredits', 'refunded_microcredits', 'tokens_in',
        'tokens_out', 'images', 'audio_ms', 'characters', 'pixel_steps', 'video_ms', 'latencies',
        'upstream_latencies', 'first_bytes'];
    sums text := (SELECT string_agg(format('sum(%s)', m), ', ') FROM unnest(measures) m);
    level text;
    place text;
BEGIN
    FOREACH level IN ARRAY ARRAY['minute', 'hour', 'day'] LOOP
        place := CASE level WHEN 'day' THEN 'day_start, bucket' ELSE 'bucket' END;
        EXECUTE format('INSERT INTO usage_rollup_%1$s (account_id, key_id, member_id, kind_id, %2$s, %3$s)
            SELECT -1, 0, 0, c.id, %2$s, %4$s FROM usage_rollup_%1$s r
            JOIN usage_call_kind k ON k.id = r.kind_id
            JOIN usage_call_kind c ON c.plan = '''' AND c.endpoint = k.endpoint AND c.model = k.model
                AND c.route = k.route AND c.upstream = k.upstream AND c.outcome = usage_coarse_outcome_v1(k.outcome)
            WHERE r.account_id = 0 GROUP BY c.id, %2$s ORDER BY %2$s, c.id',
            level, place, array_to_string(measures, ', '), sums);
    END LOOP;
END $$;

-- Hours and minutes of all accounts at once. A BRIN index found every page that the sums of later days were still
-- to be looked for in.
DROP INDEX usage_rollup_hour_by_time;
DROP INDEX usage_rollup_minute_by_time;
CREATE INDEX usage_rollup_hour_by_time ON usage_rollup_hour_each (bucket);
CREATE INDEX usage_rollup_minute_by_time ON usage_rollup_minute_each (bucket);

DROP FUNCTION usage_roll_up_v1, usage_add_to_rollups_v1, usage_add_refunds_to_rollups_v1, usage_rollup_statement_v1,
    usage_forget_rollups_v1;
REVOKE INSERT, UPDATE, DELETE ON usage_rollup_minute, usage_rollup_hour, usage_rollup_day, usage_rollup_minute_each,
    usage_rollup_hour_each, usage_rollup_day_each, usage_rollup_minute_everybody, usage_rollup_hour_everybody,
    usage_rollup_day_everybody FROM aio_app;
