-- What `migrate` makes of the books. Written by `manage.py write_schema_file`; a test holds it to the migrations.
-- Month partitions are left out: they come and go.

CREATE TABLE usage_archive (
    month date NOT NULL,
    file text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    calls bigint NOT NULL,
    archived_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT usage_archive_pkey PRIMARY KEY (month),
    CONSTRAINT usage_archive_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT usage_archive_calls_check CHECK ((calls >= 0)),
    CONSTRAINT usage_archive_file_check CHECK ((file <> ''::text)),
    CONSTRAINT usage_archive_month_check CHECK ((month = date_trunc('month'::text, (month)::timestamp with time zone))),
    CONSTRAINT usage_archive_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);
CREATE TRIGGER usage_archive_append_only BEFORE DELETE OR UPDATE ON public.usage_archive FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
COMMENT ON TABLE usage_archive IS 'The file of each archived month (UTC), as it was when its calls were taken out.';
GRANT SELECT ON usage_archive TO aio_app;

CREATE TABLE usage_archived_month (
    account_id bigint NOT NULL,
    month date NOT NULL,
    calls bigint NOT NULL,
    captures bigint NOT NULL,
    captured_microcredits bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    CONSTRAINT usage_archived_month_pkey PRIMARY KEY (account_id, month),
    CONSTRAINT usage_archived_month_month_fkey FOREIGN KEY (month) REFERENCES usage_archive(month),
    CONSTRAINT usage_archived_month_calls_check CHECK ((calls > 0)),
    CONSTRAINT usage_archived_month_check CHECK (((captures >= 0) AND (captures <= calls))),
    CONSTRAINT usage_archived_month_check1 CHECK ((captured_microcredits >= captures)),
    CONSTRAINT usage_archived_month_check2 CHECK (((refunded_microcredits >= 0) AND (refunded_microcredits <= captured_microcredits)))
);
CREATE TRIGGER usage_archived_month_append_only BEFORE DELETE OR UPDATE ON public.usage_archived_month FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
COMMENT ON TABLE usage_archived_month IS 'What the archived calls of an account came to, by the month they started in.';
GRANT SELECT ON usage_archived_month TO aio_app;

CREATE TABLE usage_balance (
    account_id bigint NOT NULL,
    available_microcredits bigint DEFAULT 0 NOT NULL,
    held_microcredits bigint DEFAULT 0 NOT NULL,
    last_entry bigint DEFAULT 0 NOT NULL,
    captured_microcredits bigint DEFAULT 0 NOT NULL,
    lots_settled_at_microcredits bigint DEFAULT 0 NOT NULL,
    next_grant_expiry_at timestamp with time zone,
    holds_opened bigint DEFAULT 0 NOT NULL,
    holds_ended bigint DEFAULT 0 NOT NULL,
    CONSTRAINT usage_balance_pkey PRIMARY KEY (account_id),
    CONSTRAINT usage_balance_available_microcredits_check CHECK ((available_microcredits >= 0)),
    CONSTRAINT usage_balance_held_microcredits_check CHECK ((held_microcredits >= 0))
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000, autovacuum_vacuum_cost_delay=0);
COMMENT ON COLUMN usage_balance.captured_microcredits IS 'Sum of all captures, ever; refunds do not lower it.';
COMMENT ON COLUMN usage_balance.lots_settled_at_microcredits IS 'The captured sum up to which captures have been taken off the expiring grants.';
GRANT SELECT ON usage_balance TO aio_app;

CREATE TABLE usage_call_kind (
    id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
    plan text NOT NULL,
    endpoint text NOT NULL,
    model text NOT NULL,
    route text NOT NULL,
    upstream text NOT NULL,
    outcome text NOT NULL,
    CONSTRAINT usage_call_kind_plan_endpoint_model_route_upstream_outcome_key UNIQUE (plan, endpoint, model, route, upstream, outcome),
    CONSTRAINT usage_call_kind_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE usage_call_kind IS 'What calls have in common, so that a row of sums names it by a number.';
GRANT SELECT ON usage_call_kind TO aio_app;

CREATE TABLE usage_event (
    account_id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    request_id uuid NOT NULL,
    settled_at timestamp with time zone NOT NULL,
    key_id bigint NOT NULL,
    member_id bigint,
    endpoint text NOT NULL,
    model text NOT NULL,
    route text NOT NULL,
    upstream text,
    rate_id bigint NOT NULL,
    outcome text NOT NULL,
    status smallint,
    streamed boolean NOT NULL,
    estimated boolean NOT NULL,
    trial boolean NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    images bigint NOT NULL,
    audio_ms bigint NOT NULL,
    characters bigint NOT NULL,
    pixel_steps bigint NOT NULL,
    video_ms bigint NOT NULL,
    hold_microcredits bigint NOT NULL,
    cost_microcredits bigint NOT NULL,
    refunded_microcredits bigint DEFAULT 0 NOT NULL,
    ledger_entry bigint,
    latency_ms integer NOT NULL,
    upstream_latency_ms integer,
    first_byte_ms integer,
    attempts jsonb,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    cache_write_1h_tokens bigint,
    reasoning_tokens bigint,
    audio_tokens_in bigint,
    audio_tokens_out bigint,
    CONSTRAINT usage_event_pkey PRIMARY KEY (account_id, started_at, request_id),
    CONSTRAINT usage_event_audio_ms_check CHECK ((audio_ms >= 0)),
    CONSTRAINT usage_event_characters_check CHECK ((characters >= 0)),
    CONSTRAINT usage_event_check CHECK ((cost_microcredits <= hold_microcredits)),
    CONSTRAINT usage_event_check1 CHECK ((refunded_microcredits <= cost_microcredits)),
    CONSTRAINT usage_event_check2 CHECK (((cost_microcredits = 0) OR (outcome = ANY (ARRAY['succeeded'::text, 'partial'::text])))),
    CONSTRAINT usage_event_check3 CHECK (((ledger_entry IS NULL) = (cost_microcredits = 0))),
    CONSTRAINT usage_event_cost_microcredits_check CHECK ((cost_microcredits >= 0)),
    CONSTRAINT usage_event_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_event_hold_microcredits_check CHECK ((hold_microcredits >= 0)),
    CONSTRAINT usage_event_images_check CHECK ((images >= 0)),
    CONSTRAINT usage_event_latency_ms_check CHECK ((latency_ms >= 0)),
    CONSTRAINT usage_event_outcome_check CHECK ((outcome = ANY (ARRAY['succeeded'::text, 'partial'::text, 'rejected'::text, 'failed'::text, 'timed_out'::text, 'cancelled'::text, 'expired'::text]))),
    CONSTRAINT usage_event_pixel_steps_check CHECK ((pixel_steps >= 0)),
    CONSTRAINT usage_event_refunded_microcredits_check CHECK ((refunded_microcredits >= 0)),
    CONSTRAINT usage_event_tokens_in_check CHECK ((tokens_in >= 0)),
    CONSTRAINT usage_event_tokens_out_check CHECK ((tokens_out >= 0)),
    CONSTRAINT usage_event_upstream_latency_ms_check CHECK ((upstream_latency_ms >= 0)),
    CONSTRAINT usage_event_video_ms_check CHECK ((video_ms >= 0))
) PARTITION BY RANGE (started_at);
CREATE INDEX usage_event_at_its_hold ON ONLY public.usage_event USING btree (started_at) WHERE ((cost_microcredits = hold_microcredits) AND (outcome = ANY (ARRAY['succeeded'::text, 'partial'::text])));
CREATE INDEX usage_event_by_time ON ONLY public.usage_event USING brin (settled_at, started_at) WITH (pages_per_range='64', autosummarize='on');
COMMENT ON COLUMN usage_event.tokens_in IS 'The whole prompt: cache_read_tokens, cache_write_tokens, cache_write_1h_tokens and audio_tokens_in are in it.';
COMMENT ON COLUMN usage_event.tokens_out IS 'All that was generated: reasoning_tokens and audio_tokens_out are in it.';
COMMENT ON COLUMN usage_event.latency_ms IS 'From the request''s arrival to its settlement being asked for.';
COMMENT ON COLUMN usage_event.attempts IS 'The upstream attempts, where there was more than one.';
GRANT SELECT ON usage_event TO aio_app;

CREATE TABLE usage_event_default PARTITION OF usage_event DEFAULT;
GRANT SELECT ON usage_event_default TO aio_app;

CREATE TABLE usage_grant (
    account_id bigint NOT NULL,
    entry bigint NOT NULL,
    amount_microcredits bigint NOT NULL,
    remaining_microcredits bigint NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    idempotency_key text,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT usage_grant_account_id_idempotency_key_key UNIQUE (account_id, idempotency_key),
    CONSTRAINT usage_grant_pkey PRIMARY KEY (account_id, entry),
    CONSTRAINT usage_grant_amount_microcredits_check CHECK ((amount_microcredits > 0)),
    CONSTRAINT usage_grant_check CHECK ((remaining_microcredits <= amount_microcredits)),
    CONSTRAINT usage_grant_remaining_microcredits_check CHECK ((remaining_microcredits >= 0))
);
CREATE INDEX usage_grant_expiring ON public.usage_grant USING btree (account_id, expires_at) WHERE ((expires_at IS NOT NULL) AND (remaining_microcredits > 0));
COMMENT ON COLUMN usage_grant.remaining_microcredits IS 'Of an expiring grant: what was left when captures were last taken off. Others stay at their amount.';
GRANT SELECT ON usage_grant TO aio_app;

CREATE TABLE usage_hold (
    account_id bigint NOT NULL,
    request_id uuid NOT NULL,
    key_id bigint NOT NULL,
    member_id bigint,
    endpoint text NOT NULL,
    model text NOT NULL,
    route text NOT NULL,
    rate_id bigint NOT NULL,
    amount_microcredits bigint NOT NULL,
    trial_day date,
    started_at timestamp with time zone NOT NULL,
    held_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    meters bigint[],
    CONSTRAINT usage_hold_pkey PRIMARY KEY (account_id, request_id),
    CONSTRAINT usage_hold_amount_microcredits_check CHECK ((amount_microcredits >= 0))
) WITH (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0);
COMMENT ON COLUMN usage_hold.meters IS 'The keys on whose meters it is counted; null where that is its own key alone.';
GRANT SELECT ON usage_hold TO aio_app;

CREATE TABLE usage_idempotent_call (
    account_id bigint NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    request_id uuid NOT NULL,
    status smallint,
    content_type text,
    headers jsonb,
    body bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT usage_idempotent_call_pkey PRIMARY KEY (account_id, idempotency_key),
    CONSTRAINT usage_idempotent_call_idempotency_key_check CHECK (((length(idempotency_key) >= 1) AND (length(idempotency_key) <= 255)))
);
COMMENT ON COLUMN usage_idempotent_call.status IS 'Null while the first call is under way.';
GRANT SELECT ON usage_idempotent_call TO aio_app;

CREATE TABLE usage_key_meter (
    account_id bigint NOT NULL,
    key_id bigint NOT NULL,
    window_started_at timestamp with time zone NOT NULL,
    window_calls integer NOT NULL,
    day date NOT NULL,
    day_microcredits bigint NOT NULL,
    month date NOT NULL,
    month_microcredits bigint NOT NULL,
    last_used_at timestamp with time zone,
    CONSTRAINT usage_key_meter_pkey PRIMARY KEY (account_id, key_id),
    CONSTRAINT usage_key_meter_day_microcredits_check CHECK ((day_microcredits >= 0)),
    CONSTRAINT usage_key_meter_month_microcredits_check CHECK ((month_microcredits >= 0)),
    CONSTRAINT usage_key_meter_window_calls_check CHECK ((window_calls >= 0))
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000, autovacuum_vacuum_cost_delay=0);
COMMENT ON TABLE usage_key_meter IS 'Per key: calls in the running minute, and what it, its successors and the keys they issued spent or hold this day and month. A successor''s row says only when it was last used. key_id 0: sessions.';
GRANT SELECT ON usage_key_meter TO aio_app;

CREATE TABLE usage_ledger_entry (
    account_id bigint NOT NULL,
    entry bigint NOT NULL,
    kind text NOT NULL,
    amount_microcredits bigint NOT NULL,
    previous_balance_microcredits bigint NOT NULL,
    balance_microcredits bigint NOT NULL,
    request_id uuid,
    cause_entry bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT usage_ledger_entry_pkey PRIMARY KEY (account_id, entry),
    CONSTRAINT usage_ledger_entry_amount_microcredits_check CHECK ((amount_microcredits <> 0)),
    CONSTRAINT usage_ledger_entry_balance_microcredits_check CHECK ((balance_microcredits >= 0)),
    CONSTRAINT usage_ledger_entry_check CHECK ((balance_microcredits = (previous_balance_microcredits + amount_microcredits))),
    CONSTRAINT usage_ledger_entry_check1 CHECK (((amount_microcredits > 0) = (kind = ANY (ARRAY['grant'::text, 'refund'::text])))),
    CONSTRAINT usage_ledger_entry_check2 CHECK (((request_id IS NOT NULL) = (kind = ANY (ARRAY['capture'::text, 'refund'::text])))),
    CONSTRAINT usage_ledger_entry_check3 CHECK (((cause_entry IS NOT NULL) = (kind = ANY (ARRAY['expiry'::text, 'refund'::text])))),
    CONSTRAINT usage_ledger_entry_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'capture'::text, 'expiry'::text, 'refund'::text]))),
    CONSTRAINT usage_ledger_entry_previous_balance_microcredits_check CHECK ((previous_balance_microcredits >= 0))
);
CREATE TRIGGER usage_ledger_entry_append_only BEFORE DELETE OR UPDATE ON public.usage_ledger_entry FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
COMMENT ON COLUMN usage_ledger_entry.balance_microcredits IS 'Available plus held, after this entry.';
COMMENT ON COLUMN usage_ledger_entry.cause_entry IS 'The grant that expired, or the capture that is refunded.';
GRANT SELECT ON usage_ledger_entry TO aio_app;

CREATE TABLE usage_plan_period (
    account_id bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    plan text NOT NULL,
    CONSTRAINT usage_plan_period_pkey PRIMARY KEY (account_id, since),
    CONSTRAINT usage_plan_period_check CHECK ((since < until))
);
GRANT SELECT ON usage_plan_period TO aio_app;

CREATE TABLE usage_rate (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    prices jsonb NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT usage_rate_name_version_key UNIQUE (name, version),
    CONSTRAINT usage_rate_pkey PRIMARY KEY (id),
    CONSTRAINT usage_rate_name_check CHECK ((name <> ''::text)),
    CONSTRAINT usage_rate_version_check CHECK ((version > 0))
);
CREATE TRIGGER usage_rate_immutable BEFORE DELETE OR UPDATE ON public.usage_rate FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
COMMENT ON TABLE usage_rate IS 'Published prices; a row never changes, a new price is a new version.';
GRANT SELECT ON usage_rate TO aio_app;

CREATE TABLE usage_reconciliation (
    checked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    took_ms bigint NOT NULL,
    disagreements bigint NOT NULL,
    first text,
    CONSTRAINT usage_reconciliation_pkey PRIMARY KEY (checked_at),
    CONSTRAINT usage_reconciliation_disagreements_check CHECK ((disagreements >= 0)),
    CONSTRAINT usage_reconciliation_took_ms_check CHECK ((took_ms >= 0))
);
COMMENT ON COLUMN usage_reconciliation.first IS 'The first disagreement in words; null where the books agreed.';
GRANT SELECT ON usage_reconciliation TO aio_app;

CREATE TABLE usage_refund (
    account_id bigint NOT NULL,
    entry bigint NOT NULL,
    capture_entry bigint NOT NULL,
    amount_microcredits bigint NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    idempotency_key text NOT NULL,
    CONSTRAINT usage_refund_account_id_idempotency_key_key UNIQUE (account_id, idempotency_key),
    CONSTRAINT usage_refund_pkey PRIMARY KEY (account_id, entry),
    CONSTRAINT usage_refund_amount_microcredits_check CHECK ((amount_microcredits > 0))
);
CREATE INDEX usage_refund_of_capture ON public.usage_refund USING btree (account_id, capture_entry);
CREATE TRIGGER usage_refund_noted AFTER INSERT ON public.usage_refund FOR EACH ROW EXECUTE FUNCTION usage_note_refund_v1();
GRANT SELECT ON usage_refund TO aio_app;

CREATE TABLE usage_refund_to_roll_up (
    account_id bigint NOT NULL,
    entry bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    request_id uuid NOT NULL,
    amount_microcredits bigint NOT NULL,
    CONSTRAINT usage_refund_to_roll_up_pkey PRIMARY KEY (account_id, entry)
);
GRANT SELECT ON usage_refund_to_roll_up TO aio_app;

CREATE TABLE usage_refusal (
    account_id bigint NOT NULL,
    key_id bigint NOT NULL,
    minute timestamp with time zone NOT NULL,
    endpoint text NOT NULL,
    code text NOT NULL,
    calls bigint NOT NULL,
    CONSTRAINT usage_refusal_pkey PRIMARY KEY (account_id, minute, key_id, endpoint, code),
    CONSTRAINT usage_refusal_calls_check CHECK ((calls > 0))
);
GRANT SELECT ON usage_refusal TO aio_app;

CREATE TABLE usage_rollup_account_day (
    day_start integer NOT NULL,
    bucket timestamp with time zone NOT NULL,
    account_id bigint NOT NULL,
    calls bigint NOT NULL,
    errors bigint NOT NULL,
    gross_microcredits bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    CONSTRAINT usage_rollup_account_day_pkey PRIMARY KEY (day_start, bucket, account_id)
) WITH (fillfactor=60);
COMMENT ON TABLE usage_rollup_account_day IS 'An account''s day in one row, for lists of all accounts.';
GRANT SELECT ON usage_rollup_account_day TO aio_app;

CREATE TABLE usage_rollup_day (
    account_id bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    key_id bigint NOT NULL,
    member_id bigint NOT NULL,
    kind_id integer NOT NULL,
    calls bigint NOT NULL,
    gross_microcredits bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    images bigint NOT NULL,
    audio_ms bigint NOT NULL,
    characters bigint NOT NULL,
    pixel_steps bigint NOT NULL,
    video_ms bigint NOT NULL,
    latencies numeric NOT NULL,
    upstream_latencies numeric NOT NULL,
    first_bytes numeric NOT NULL,
    day_start integer NOT NULL,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    cache_write_1h_tokens bigint,
    reasoning_tokens bigint,
    audio_tokens_in bigint,
    audio_tokens_out bigint,
    CONSTRAINT usage_rollup_day_pkey PRIMARY KEY (account_id, day_start, bucket, key_id, member_id, kind_id)
) PARTITION BY LIST (account_id);
COMMENT ON COLUMN usage_rollup_day.day_start IS 'At which minute after midnight UTC this day starts.';
GRANT SELECT ON usage_rollup_day TO aio_app;

CREATE TABLE usage_rollup_day_each PARTITION OF usage_rollup_day DEFAULT;
COMMENT ON COLUMN usage_rollup_day_each.day_start IS 'At which minute after midnight UTC this day starts.';
GRANT SELECT ON usage_rollup_day_each TO aio_app;

CREATE TABLE usage_rollup_day_everybody PARTITION OF usage_rollup_day FOR VALUES IN ('0', '-1');
GRANT SELECT ON usage_rollup_day_everybody TO aio_app;

CREATE TABLE usage_rollup_hour (
    account_id bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    key_id bigint NOT NULL,
    member_id bigint NOT NULL,
    kind_id integer NOT NULL,
    calls bigint NOT NULL,
    gross_microcredits bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    images bigint NOT NULL,
    audio_ms bigint NOT NULL,
    characters bigint NOT NULL,
    pixel_steps bigint NOT NULL,
    video_ms bigint NOT NULL,
    latencies numeric NOT NULL,
    upstream_latencies numeric NOT NULL,
    first_bytes numeric NOT NULL,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    cache_write_1h_tokens bigint,
    reasoning_tokens bigint,
    audio_tokens_in bigint,
    audio_tokens_out bigint,
    CONSTRAINT usage_rollup_hour_pkey PRIMARY KEY (account_id, bucket, key_id, member_id, kind_id)
) PARTITION BY LIST (account_id);
COMMENT ON COLUMN usage_rollup_hour.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';
GRANT SELECT ON usage_rollup_hour TO aio_app;

CREATE TABLE usage_rollup_hour_each PARTITION OF usage_rollup_hour DEFAULT;
COMMENT ON COLUMN usage_rollup_hour_each.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';
GRANT SELECT ON usage_rollup_hour_each TO aio_app;

CREATE TABLE usage_rollup_hour_everybody PARTITION OF usage_rollup_hour FOR VALUES IN ('0', '-1');
GRANT SELECT ON usage_rollup_hour_everybody TO aio_app;

CREATE TABLE usage_rollup_minute (
    account_id bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    key_id bigint NOT NULL,
    member_id bigint NOT NULL,
    kind_id integer NOT NULL,
    calls bigint NOT NULL,
    gross_microcredits bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    images bigint NOT NULL,
    audio_ms bigint NOT NULL,
    characters bigint NOT NULL,
    pixel_steps bigint NOT NULL,
    video_ms bigint NOT NULL,
    latencies numeric NOT NULL,
    upstream_latencies numeric NOT NULL,
    first_bytes numeric NOT NULL,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    cache_write_1h_tokens bigint,
    reasoning_tokens bigint,
    audio_tokens_in bigint,
    audio_tokens_out bigint,
    CONSTRAINT usage_rollup_minute_pkey PRIMARY KEY (account_id, bucket, key_id, member_id, kind_id)
) PARTITION BY LIST (account_id);
COMMENT ON COLUMN usage_rollup_minute.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';
GRANT SELECT ON usage_rollup_minute TO aio_app;

CREATE TABLE usage_rollup_minute_each PARTITION OF usage_rollup_minute DEFAULT;
COMMENT ON COLUMN usage_rollup_minute_each.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';
GRANT SELECT ON usage_rollup_minute_each TO aio_app;

CREATE TABLE usage_rollup_minute_everybody PARTITION OF usage_rollup_minute FOR VALUES IN ('0', '-1');
GRANT SELECT ON usage_rollup_minute_everybody TO aio_app;

CREATE TABLE usage_rollup_state (
    only_row boolean DEFAULT true NOT NULL,
    rolled_up_to timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    candidate_to timestamp with time zone,
    candidate_xid xid8,
    day_starts integer[] DEFAULT '{0,900}'::integer[] NOT NULL,
    minutes_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    hours_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    events_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT usage_rollup_state_pkey PRIMARY KEY (only_row),
    CONSTRAINT usage_rollup_state_only_row_check CHECK (only_row)
);
COMMENT ON COLUMN usage_rollup_state.rolled_up_to IS 'Events settled up to then are in the sums, later ones are not.';
COMMENT ON COLUMN usage_rollup_state.candidate_to IS 'The next such moment, once every transaction up to candidate_xid has ended.';
COMMENT ON COLUMN usage_rollup_state.minutes_from IS 'Minutes before are forgotten; so are hours before hours_from.';
COMMENT ON COLUMN usage_rollup_state.events_from IS 'Events that started before are archived.';
GRANT SELECT ON usage_rollup_state TO aio_app;

CREATE TABLE usage_route_cost (
    route text NOT NULL,
    since timestamp with time zone NOT NULL,
    prices jsonb NOT NULL,
    published_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT usage_route_cost_pkey PRIMARY KEY (route, since),
    CONSTRAINT usage_route_cost_route_check CHECK ((route <> ''::text)),
    CONSTRAINT usage_route_cost_since_check CHECK ((since = date_trunc('hour'::text, since)))
);
CREATE TRIGGER usage_route_cost_immutable BEFORE DELETE OR UPDATE ON public.usage_route_cost FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
COMMENT ON TABLE usage_route_cost IS 'In micro-credits, as usage_rate has prices; a row never changes. A route without a row has no known cost.';
GRANT SELECT ON usage_route_cost TO aio_app;

CREATE TABLE usage_trial_day (
    account_id bigint NOT NULL,
    day date NOT NULL,
    calls integer NOT NULL,
    CONSTRAINT usage_trial_day_pkey PRIMARY KEY (account_id, day),
    CONSTRAINT usage_trial_day_calls_check CHECK ((calls >= 0))
) WITH (fillfactor=50);
GRANT SELECT ON usage_trial_day TO aio_app;

CREATE OR REPLACE FUNCTION public.usage_add_refunds_to_rollups_v2(p_to timestamp with time zone, p_state usage_rollup_state)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    counted bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM usage_refund_to_roll_up) THEN
        RETURN;
    END IF;
    EXECUTE usage_rollup_statement_v2($sql$taken AS (
        DELETE FROM usage_refund_to_roll_up r USING usage_event e
        WHERE e.account_id = r.account_id AND e.started_at = r.started_at AND e.request_id = r.request_id
            AND e.settled_at <= $2
        RETURNING r.amount_microcredits, e.account_id, e.started_at, e.key_id, e.member_id, e.endpoint, e.model,
            e.route, e.upstream, e.outcome
    ), $sql$, $sql$
        SELECT e.account_id, e.started_at, e.key_id, coalesce(e.member_id, 0) AS member_id, k.id AS kind_id,
            0 AS calls, 0 AS errors, 0 AS gross_microcredits, e.amount_microcredits AS refunded_microcredits,
            0 AS tokens_in, 0 AS tokens_out, 0 AS images, 0 AS audio_ms, 0 AS characters, 0 AS pixel_steps,
            0 AS video_ms, 0::numeric AS latencies, 0::numeric AS upstream_latencies, 0::numeric AS first_bytes
        FROM taken e
        LEFT JOIN usage_plan_period p
            ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
        JOIN usage_call_kind k ON k.plan = coalesce(p.plan, '') AND k.endpoint = e.endpoint AND k.model = e.model
            AND k.route = e.route AND k.upstream = coalesce(e.upstream, '') AND k.outcome = e.outcome
    $sql$) INTO counted
    USING NULL::timestamptz, p_to, p_state.day_starts, p_state.minutes_from, p_state.hours_from;
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_add_refunds_to_rollups_v3(p_to timestamp with time zone, p_state usage_rollup_state)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    counted bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM usage_refund_to_roll_up) THEN
        RETURN;
    END IF;
    EXECUTE usage_rollup_statement_v3($sql$taken AS (
        DELETE FROM usage_refund_to_roll_up r USING usage_event e
        WHERE e.account_id = r.account_id AND e.started_at = r.started_at AND e.request_id = r.request_id
            AND e.settled_at <= $2
        RETURNING r.amount_microcredits, e.account_id, e.started_at, e.key_id, e.member_id, e.endpoint, e.model,
            e.route, e.upstream, e.outcome
    ), $sql$, $sql$
        SELECT e.account_id, e.started_at, e.key_id, coalesce(e.member_id, 0) AS member_id, k.id AS kind_id,
            0 AS calls, 0 AS errors, 0 AS gross_microcredits, e.amount_microcredits AS refunded_microcredits,
            0 AS tokens_in, 0 AS tokens_out, 0 AS images, 0 AS audio_ms, 0 AS characters, 0 AS pixel_steps,
            0 AS video_ms, NULL::bigint AS cache_read_tokens, NULL::bigint AS cache_write_tokens,
            NULL::bigint AS cache_write_1h_tokens, NULL::bigint AS reasoning_tokens, NULL::bigint AS audio_tokens_in,
            NULL::bigint AS audio_tokens_out, 0::numeric AS latencies, 0::numeric AS upstream_latencies, 0::numeric AS first_bytes
        FROM taken e
        LEFT JOIN usage_plan_period p
            ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
        JOIN usage_call_kind k ON k.plan = coalesce(p.plan, '') AND k.endpoint = e.endpoint AND k.model = e.model
            AND k.route = e.route AND k.upstream = coalesce(e.upstream, '') AND k.outcome = e.outcome
    $sql$) INTO counted
    USING NULL::timestamptz, p_to, p_state.day_starts, p_state.minutes_from, p_state.hours_from;
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_add_to_rollups_v2(p_after timestamp with time zone, p_to timestamp with time zone, p_state usage_rollup_state)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET work_mem TO '128MB'
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
    counted bigint;
BEGIN
    INSERT INTO usage_call_kind (plan, endpoint, model, route, upstream, outcome)
    SELECT DISTINCT k.plan, e.endpoint, e.model, e.route, coalesce(e.upstream, ''), k.outcome
    FROM usage_event e
    LEFT JOIN usage_plan_period p
        ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
    CROSS JOIN LATERAL (VALUES (coalesce(p.plan, ''), e.outcome), ('', usage_coarse_outcome_v1(e.outcome)))
        AS k (plan, outcome)
    WHERE e.settled_at > p_after AND e.settled_at <= p_to
    EXCEPT SELECT k.plan, k.endpoint, k.model, k.route, k.upstream, k.outcome FROM usage_call_kind k
    ON CONFLICT DO NOTHING;
    EXECUTE usage_rollup_statement_v2('', $sql$
        SELECT e.account_id, e.started_at, e.key_id, coalesce(e.member_id, 0) AS member_id, k.id AS kind_id,
            1 AS calls, (e.outcome IN ('rejected', 'failed', 'timed_out', 'expired'))::integer AS errors,
            e.cost_microcredits AS gross_microcredits, 0 AS refunded_microcredits, e.tokens_in, e.tokens_out,
            e.images, e.audio_ms, e.characters, e.pixel_steps, e.video_ms,
            CASE WHEN e.outcome <> 'expired' THEN usage_latency_mark_v1(e.latency_ms) END AS latencies,
            usage_latency_mark_v1(e.upstream_latency_ms) AS upstream_latencies,
            usage_latency_mark_v1(e.first_byte_ms) AS first_bytes
        FROM usage_event e
        LEFT JOIN usage_plan_period p
            ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
        JOIN usage_call_kind k ON k.plan = coalesce(p.plan, '') AND k.endpoint = e.endpoint AND k.model = e.model
            AND k.route = e.route AND k.upstream = coalesce(e.upstream, '') AND k.outcome = e.outcome
        WHERE e.settled_at > $1 AND e.settled_at <= $2
    $sql$) INTO counted USING p_after, p_to, p_state.day_starts, p_state.minutes_from, p_state.hours_from;
    RETURN counted;
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_add_to_rollups_v3(p_after timestamp with time zone, p_to timestamp with time zone, p_state usage_rollup_state)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET work_mem TO '128MB'
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
    counted bigint;
BEGIN
    INSERT INTO usage_call_kind (plan, endpoint, model, route, upstream, outcome)
    SELECT DISTINCT k.plan, e.endpoint, e.model, e.route, coalesce(e.upstream, ''), k.outcome
    FROM usage_event e
    LEFT JOIN usage_plan_period p
        ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
    CROSS JOIN LATERAL (VALUES (coalesce(p.plan, ''), e.outcome), ('', usage_coarse_outcome_v1(e.outcome)))
        AS k (plan, outcome)
    WHERE e.settled_at > p_after AND e.settled_at <= p_to
    EXCEPT SELECT k.plan, k.endpoint, k.model, k.route, k.upstream, k.outcome FROM usage_call_kind k
    ON CONFLICT DO NOTHING;
    EXECUTE usage_rollup_statement_v3('', $sql$
        SELECT e.account_id, e.started_at, e.key_id, coalesce(e.member_id, 0) AS member_id, k.id AS kind_id,
            1 AS calls, (e.outcome IN ('rejected', 'failed', 'timed_out', 'expired'))::integer AS errors,
            e.cost_microcredits AS gross_microcredits, 0 AS refunded_microcredits, e.tokens_in, e.tokens_out,
            e.images, e.audio_ms, e.characters, e.pixel_steps, e.video_ms, e.cache_read_tokens, e.cache_write_tokens,
            e.cache_write_1h_tokens, e.reasoning_tokens, e.audio_tokens_in, e.audio_tokens_out,
            CASE WHEN e.outcome <> 'expired' THEN usage_latency_mark_v1(e.latency_ms) END AS latencies,
            usage_latency_mark_v1(e.upstream_latency_ms) AS upstream_latencies,
            usage_latency_mark_v1(e.first_byte_ms) AS first_bytes
        FROM usage_event e
        LEFT JOIN usage_plan_period p
            ON p.account_id = e.account_id AND p.since <= e.started_at AND e.started_at < p.until
        JOIN usage_call_kind k ON k.plan = coalesce(p.plan, '') AND k.endpoint = e.endpoint AND k.model = e.model
            AND k.route = e.route AND k.upstream = coalesce(e.upstream, '') AND k.outcome = e.outcome
        WHERE e.settled_at > $1 AND e.settled_at <= $2
    $sql$) INTO counted USING p_after, p_to, p_state.day_starts, p_state.minutes_from, p_state.hours_from;
    RETURN counted;
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_archive_month_v1(p_month date, p_file text, p_bytes bigint, p_sha256 text, p_account_ids bigint[], p_calls bigint[], p_captures bigint[], p_captured bigint[], p_refunded bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET lock_timeout TO '100ms'
AS $function$
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
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_authorize_v1(p_request_ids uuid[], p_key_digests bytea[], p_account_ids bigint[], p_member_ids bigint[], p_addresses inet[], p_endpoints text[], p_models text[], p_routes text[], p_rate_ids bigint[], p_ceilings bigint[], p_started_at_ms bigint[], p_ttl_s integer[])
 RETURNS TABLE(verdict text, account_id bigint, key_id bigint, available bigint, held bigint, allowance bigint, minute_limit integer, minute_remaining integer, minute_reset_s integer)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    SELECT * FROM usage_authorize_v2(p_request_ids, p_key_digests, p_account_ids, p_member_ids, p_addresses,
        p_endpoints, p_models, p_routes, p_rate_ids, p_ceilings, p_started_at_ms, p_ttl_s)
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_authorize_v2(p_request_ids uuid[], p_key_digests bytea[], p_account_ids bigint[], p_member_ids bigint[], p_addresses inet[], p_endpoints text[], p_models text[], p_routes text[], p_rate_ids bigint[], p_ceilings bigint[], p_started_at_ms bigint[], p_ttl_s integer[])
 RETURNS TABLE(verdict text, account_id bigint, key_id bigint, available bigint, held bigint, allowance bigint, minute_limit integer, minute_remaining integer, minute_reset_s integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
    c record;
    n constant integer := cardinality(p_request_ids);
    moment timestamptz;
    today date;
    this_month date;
    grants_due boolean;
    v text;
    verdicts text[] := array_fill(NULL::text, ARRAY[n]);
    accounts bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    keys bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    -- every meter of a hold, as an array's text, where its key's own row is not the only one
    meter_lists text[] := array_fill(NULL::text, ARRAY[n]);
    availables bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    helds bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    allowances bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    minute_limits integer[] := array_fill(NULL::integer, ARRAY[n]);
    minute_remainings integer[] := array_fill(NULL::integer, ARRAY[n]);
    minute_resets integer[] := array_fill(NULL::integer, ARRAY[n]);
    trial_days date[] := array_fill(NULL::date, ARRAY[n]);
    admitted integer := 0;
    on_trial boolean := false;
    refused integer := 0;
    -- what this batch adds to meters, one element a meter
    m_accounts bigint[];
    m_keys bigint[];
    m_calls integer[];
    m_amounts bigint[];
    m_used_at timestamptz[];
    last integer := 0;
    -- the same beyond the meters of the calls' own lines, an element for each time
    is_shared boolean := false;
    o_accounts bigint[];
    o_keys bigint[];
    o_amounts bigint[];
    o_used_at timestamptz[];
    -- the account and meter that the loop stands at
    at_account bigint;
    at_meter bigint;
    a_available bigint; a_held bigint; a_trial integer;
    k_window timestamptz; k_calls integer; k_day bigint; k_month bigint;
    -- the least that a cap of the call's issuers has left; null without issuers or caps
    i_day bigint; i_month bigint;
    added bigint;
BEGIN
    grants_due := usage_lock_balances_v1(p_account_ids, p_key_digests);
    moment := clock_timestamp();
    today := (moment AT TIME ZONE 'UTC')::date;
    this_month := date_trunc('month', today)::date;
    IF grants_due THEN
        PERFORM usage_expire_grants_v1(ARRAY(
            SELECT k.account_id FROM accounts_apikey k WHERE k.digest = ANY (p_key_digests)
            UNION SELECT a FROM unnest(p_account_ids) a WHERE a IS NOT NULL));
    END IF;

    FOR c IN
        SELECT i.ord, i.ceiling, a.id AS account_id, coalesce(k.id, 0) AS key_id,
            coalesce(k.rotation_root_id, k.id, 0) AS meter, k.issuer_roots,
            CASE
                WHEN a.id IS NULL THEN 'unknown_key'
                WHEN k.revoked_at IS NOT NULL THEN 'revoked_key'
                WHEN k.expires_at <= moment THEN 'expired_key'
                WHEN k.id IS NULL AND m.role IS NULL THEN 'not_a_member'
                WHEN a.status <> 'active' THEN 'account_suspended'
                WHEN k.id IS NULL AND m.role = 'viewer' THEN 'role_not_allowed'
                WHEN k.allowed_endpoints IS NOT NULL AND i.endpoint <> ALL (k.allowed_endpoints)
                    THEN 'endpoint_not_allowed'
                WHEN k.allowed_models IS NOT NULL AND i.model <> ALL (k.allowed_models)
                    THEN 'model_not_allowed'
                WHEN k.allowed_networks IS NOT NULL AND (i.address IS NULL OR NOT EXISTS (
                    SELECT 1 FROM unnest(k.allowed_networks) network WHERE i.address <<= network::inet))
                    THEN 'address_not_allowed'
            END AS refusal,
            p.calls_per_minute, p.trial_calls_per_day, k.cap_day_microcredits, k.cap_month_microcredits,
            b.available_microcredits, b.held_microcredits,
            t.window_started_at, t.window_calls, t.day, t.day_microcredits, t.month, t.month_microcredits
        FROM unnest(p_key_digests, p_account_ids, p_member_ids, p_addresses, p_endpoints, p_models, p_ceilings)
            WITH ORDINALITY AS i (digest, account_id, member_id, address, endpoint, model, ceiling, ord)
        LEFT JOIN accounts_apikey k ON k.digest = i.digest
        LEFT JOIN accounts_account a ON a.id = coalesce(k.account_id, i.account_id)
        LEFT JOIN accounts_membership m ON m.account_id = i.account_id AND m.user_id = i.member_id
        LEFT JOIN accounts_plan p ON p.slug = a.plan_id
        LEFT JOIN usage_balance b ON b.account_id = a.id
        LEFT JOIN usage_key_meter t ON t.account_id = a.id AND t.key_id = coalesce(k.rotation_root_id, k.id, 0)
        ORDER BY a.id, coalesce(k.rotation_root_id, k.id), i.ord
    LOOP
        IF c.account_id IS DISTINCT FROM at_account THEN
            at_account := c.account_id;
            at_meter := NULL;
            a_available := coalesce(c.available_microcredits, 0);
            a_held := coalesce(c.held_microcredits, 0);
            IF c.trial_calls_per_day IS NOT NULL THEN
                SELECT d.calls INTO a_trial FROM usage_trial_day d
                WHERE d.account_id = c.account_id AND d.day = today;
                a_trial := coalesce(a_trial, 0);
            END IF;
        END IF;
        IF c.meter IS DISTINCT FROM at_meter THEN
            at_meter := c.meter;
            k_window := c.window_started_at;
            k_calls := c.window_calls;
            IF k_window IS NULL OR k_window <= moment - interval '60 seconds' THEN
                k_window := moment;
                k_calls := 0;
            END IF;
            k_day := CASE WHEN c.day = today THEN c.day_microcredits ELSE 0 END;
            k_month := CASE WHEN c.month = this_month THEN c.month_microcredits ELSE 0 END;
            IF is_shared THEN
                SELECT coalesce(sum(x.amount), 0) INTO added
                FROM unnest(o_keys, o_amounts) AS x (key_id, amount) WHERE x.key_id = c.meter;
                k_day := k_day + added;
                k_month := k_month + added;
            END IF;
        END IF;
        v := c.refusal;
        IF v IS NULL THEN
            i_day := NULL;
            i_month := NULL;
            IF c.issuer_roots IS NOT NULL THEN
                SELECT min(r.cap_day_microcredits - coalesce(t.day_microcredits, 0) - x.amount),
                       min(r.cap_month_microcredits - coalesce(m.month_microcredits, 0) - x.amount)
                INTO i_day, i_month
                FROM accounts_apikey r
                LEFT JOIN usage_key_meter t ON t.account_id = c.account_id AND t.key_id = r.id AND t.day = today
                LEFT JOIN usage_key_meter m ON m.account_id = c.account_id AND m.key_id = r.id AND m.month = this_month
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(y.amount), 0) AS amount
                    FROM unnest(o_keys || m_keys, o_amounts || m_amounts) AS y (key_id, amount)
                    WHERE y.key_id = r.id) x
                WHERE r.id = ANY (c.issuer_roots);
            END IF;
            IF k_calls >= c.calls_per_minute THEN
                v := 'minute_rate';
            ELSIF a_trial >= c.trial_calls_per_day THEN
                v := 'trial_exhausted';
                allowances[c.ord] := c.trial_calls_per_day;
            ELSIF least(c.cap_day_microcredits - k_day, i_day) < c.ceiling THEN
                v := 'key_day_cap';
                allowances[c.ord] := greatest(least(c.cap_day_microcredits - k_day, i_day), 0);
            ELSIF least(c.cap_month_microcredits - k_month, i_month) < c.ceiling THEN
                v := 'key_month_cap';
                allowances[c.ord] := greatest(least(c.cap_month_microcredits - k_month, i_month), 0);
            ELSIF a_available < c.ceiling OR c.available_microcredits IS NULL THEN
                v := 'insufficient_credits';
                allowances[c.ord] := a_available;
            ELSE
                v := 'admitted';
                a_available := a_available - c.ceiling;
                a_held := a_held + c.ceiling;
                k_calls := k_calls + 1;
                k_day := k_day + c.ceiling;
                k_month := k_month + c.ceiling;
                IF m_keys[last] IS DISTINCT FROM c.meter OR m_accounts[last] <> c.account_id THEN
                    last := last + 1;
                    m_accounts[last] := c.account_id;
                    m_keys[last] := c.meter;
                    m_calls[last] := 0;
                    m_amounts[last] := 0;
                    m_used_at[last] := NULL;
                END IF;
                m_calls[last] := m_calls[last] + 1;
                m_amounts[last] := m_amounts[last] + c.ceiling;
                IF c.key_id = c.meter THEN
                    m_used_at[last] := moment;
                ELSE
                    -- all that a key which replaced another has for itself: when it was used
                    is_shared := true;
                    meter_lists[c.ord] := ARRAY[c.meter]::text;
                    o_accounts := o_accounts || c.account_id;
                    o_keys := o_keys || c.key_id;
                    o_amounts := o_amounts || 0::bigint;
                    o_used_at := o_used_at || moment;
                END IF;
                IF c.issuer_roots IS NOT NULL THEN
                    is_shared := true;
                    meter_lists[c.ord] := (c.meter || c.issuer_roots)::text;
                    o_accounts := o_accounts || array_fill(c.account_id, ARRAY[cardinality(c.issuer_roots)]);
                    o_keys := o_keys || c.issuer_roots;
                    o_amounts := o_amounts || array_fill(c.ceiling, ARRAY[cardinality(c.issuer_roots)]);
                    o_used_at := o_used_at || array_fill(NULL::timestamptz, ARRAY[cardinality(c.issuer_roots)]);
                END IF;
                IF c.trial_calls_per_day IS NOT NULL THEN
                    a_trial := a_trial + 1;
                    trial_days[c.ord] := today;
                    on_trial := true;
                END IF;
                admitted := admitted + 1;
            END IF;
            IF c.calls_per_minute IS NOT NULL THEN
                minute_limits[c.ord] := c.calls_per_minute;
                minute_remainings[c.ord] := greatest(c.calls_per_minute - k_calls, 0);
                minute_resets[c.ord] := ceil(extract(epoch FROM k_window + interval '60 seconds' - moment));
            END IF;
            availables[c.ord] := a_available;
            helds[c.ord] := a_held;
        END IF;
        IF v <> 'admitted' THEN
            refused := refused + 1;
        END IF;
        verdicts[c.ord] := v;
        accounts[c.ord] := c.account_id;
        keys[c.ord] := c.key_id;
    END LOOP;

    IF is_shared THEN
        SELECT array_agg(s.account_id), array_agg(s.key_id), array_agg(s.calls), array_agg(s.amount), array_agg(s.used_at)
        INTO m_accounts, m_keys, m_calls, m_amounts, m_used_at
        FROM (
            SELECT x.account_id, x.key_id, sum(x.calls)::integer AS calls, sum(x.amount)::bigint AS amount,
                   max(x.used_at) AS used_at
            FROM (
                SELECT * FROM unnest(m_accounts, m_keys, m_calls, m_amounts, m_used_at)
                    AS own (account_id, key_id, calls, amount, used_at)
                UNION ALL
                SELECT others.account_id, others.key_id, 0, others.amount, others.used_at
                FROM unnest(o_accounts, o_keys, o_amounts, o_used_at)
                    AS others (account_id, key_id, amount, used_at)) x
            GROUP BY 1, 2) s;
    END IF;
    IF admitted > 0 THEN
        WITH h AS MATERIALIZED (
            SELECT * FROM unnest(verdicts, accounts, p_request_ids, keys, p_member_ids, p_endpoints, p_models,
                                 p_routes, p_rate_ids, p_ceilings, trial_days, p_started_at_ms, p_ttl_s, meter_lists)
                AS i (verdict, account_id, request_id, key_id, member_id, endpoint, model, route, rate_id,
                      ceiling, trial_day, started_at_ms, ttl_s, meter_list)
            WHERE i.verdict = 'admitted'
        ), holds AS (
            INSERT INTO usage_hold (account_id, request_id, key_id, member_id, endpoint, model, route, rate_id,
                                    amount_microcredits, trial_day, started_at, held_at, expires_at, meters)
            SELECT h.account_id, h.request_id, h.key_id, h.member_id, h.endpoint, h.model, h.route, h.rate_id,
                   h.ceiling, h.trial_day, 'epoch'::timestamptz + h.started_at_ms * interval '1 millisecond',
                   moment, moment + h.ttl_s * interval '1 second', h.meter_list::bigint[]
            FROM h
        ), balances AS (
            UPDATE usage_balance b
            SET available_microcredits = b.available_microcredits - s.amount,
                held_microcredits = b.held_microcredits + s.amount,
                holds_opened = b.holds_opened + s.calls
            FROM (SELECT h.account_id, sum(h.ceiling)::bigint AS amount, count(*) AS calls FROM h GROUP BY 1) s
            WHERE b.account_id = s.account_id
        )
        INSERT INTO usage_key_meter AS t (account_id, key_id, window_started_at, window_calls,
                                          day, day_microcredits, month, month_microcredits, last_used_at)
        SELECT s.account_id, s.key_id, CASE WHEN s.calls > 0 THEN moment ELSE 'epoch'::timestamptz END, s.calls, today,
               s.amount, this_month, s.amount, s.used_at
        FROM unnest(m_accounts, m_keys, m_calls, m_amounts, m_used_at)
            AS s (account_id, key_id, calls, amount, used_at)
        ON CONFLICT (account_id, key_id) DO UPDATE SET
            -- a minute starts with a call of the meter's own keys
            window_started_at = CASE WHEN excluded.window_calls > 0 AND t.window_started_at <= moment - interval '60 seconds'
                THEN moment ELSE t.window_started_at END,
            window_calls = CASE WHEN excluded.window_calls > 0 AND t.window_started_at <= moment - interval '60 seconds'
                THEN 0 ELSE t.window_calls END + excluded.window_calls,
            day = today,
            day_microcredits = CASE WHEN t.day = today THEN t.day_microcredits ELSE 0 END
                + excluded.day_microcredits,
            month = this_month,
            month_microcredits = CASE WHEN t.month = this_month THEN t.month_microcredits ELSE 0 END
                + excluded.month_microcredits,
            last_used_at = coalesce(excluded.last_used_at, t.last_used_at);
    END IF;
    IF on_trial THEN
        INSERT INTO usage_trial_day AS d (account_id, day, calls)
        SELECT h.account_id, today, count(*)
        FROM unnest(accounts, trial_days) AS h (account_id, day)
        WHERE h.day IS NOT NULL GROUP BY 1
        ON CONFLICT (account_id, day) DO UPDATE SET calls = d.calls + excluded.calls;
    END IF;

    IF refused > 0 THEN
        PERFORM usage_count_refusals_v1(accounts, keys, p_endpoints, verdicts);
    END IF;

    RETURN QUERY SELECT * FROM unnest(verdicts, accounts, keys, availables, helds, allowances,
                                      minute_limits, minute_remainings, minute_resets);
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_claim_idempotency_key_v1(p_account_id bigint, p_idempotency_key text, p_fingerprint bytea, p_request_id uuid, p_ttl_s integer)
 RETURNS TABLE(state text, request_id uuid, status smallint, content_type text, headers jsonb, body bytea)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    found usage_idempotent_call;
BEGIN
    INSERT INTO usage_idempotent_call AS c (account_id, idempotency_key, fingerprint, request_id, expires_at)
    VALUES (p_account_id, p_idempotency_key, p_fingerprint, p_request_id,
            clock_timestamp() + p_ttl_s * interval '1 second')
    ON CONFLICT (account_id, idempotency_key) DO UPDATE
    SET fingerprint = excluded.fingerprint, request_id = excluded.request_id, expires_at = excluded.expires_at,
        created_at = clock_timestamp(), status = NULL, content_type = NULL, headers = NULL, body = NULL
    WHERE c.expires_at <= clock_timestamp() AND (
        c.status IS NOT NULL OR usage_claimed_call_state_v1(c.account_id, c.request_id) = 'free');
    SELECT * INTO found FROM usage_idempotent_call c
    WHERE c.account_id = p_account_id AND c.idempotency_key = p_idempotency_key;
    RETURN QUERY SELECT CASE
        WHEN found.request_id = p_request_id THEN 'claimed'
        WHEN found.fingerprint <> p_fingerprint THEN 'other_body'
        WHEN found.status IS NULL AND usage_claimed_call_state_v1(p_account_id, found.request_id) <> 'charged'
            THEN 'in_flight'
        ELSE 'done' END,
        found.request_id, found.status, found.content_type, found.headers, found.body;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_claimed_call_state_v1(p_account_id bigint, p_request_id uuid)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM usage_hold h WHERE h.account_id = p_account_id AND h.request_id = p_request_id)
            THEN 'open'
        WHEN EXISTS (SELECT 1 FROM usage_event e WHERE e.account_id = p_account_id
                     AND e.started_at = usage_started_at_v1(p_request_id) AND e.request_id = p_request_id
                     AND e.outcome IN ('succeeded', 'partial'))
            THEN 'charged'
        ELSE 'free' END
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_coarse_outcome_v1(p_outcome text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT CASE WHEN p_outcome IN ('rejected', 'failed', 'timed_out', 'expired') THEN 'failed' ELSE 'succeeded' END
$function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_count_refusals_v1(p_account_ids bigint[], p_key_ids bigint[], p_endpoints text[], p_codes text[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    INSERT INTO usage_refusal AS r (account_id, key_id, minute, endpoint, code, calls)
    SELECT c.account_id, c.key_id, date_trunc('minute', clock_timestamp()), c.endpoint, c.code, count(*)
    FROM unnest(p_account_ids, p_key_ids, p_endpoints, p_codes) AS c (account_id, key_id, endpoint, code)
    WHERE c.account_id IS NOT NULL AND c.code <> 'admitted'
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (account_id, minute, key_id, endpoint, code) DO UPDATE SET calls = r.calls + excluded.calls;
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_drop_idempotency_key_v1(p_account_id bigint, p_idempotency_key text, p_request_id uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    state constant text := usage_claimed_call_state_v1(p_account_id, p_request_id);
BEGIN
    IF state = 'free' THEN
        DELETE FROM usage_idempotent_call
        WHERE account_id = p_account_id AND idempotency_key = p_idempotency_key AND request_id = p_request_id
            AND status IS NULL;
    ELSIF state = 'charged' THEN
        UPDATE usage_idempotent_call
        SET status = 200, content_type = 'application/json', expires_at = clock_timestamp() + interval '24 hours'
        WHERE account_id = p_account_id AND idempotency_key = p_idempotency_key AND request_id = p_request_id
            AND status IS NULL;
    END IF;
    RETURN state;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_expire_grants_v1(p_account_ids bigint[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    balance usage_balance;
    lot record;
    kept bigint;
    lot_kept bigint;
    taken bigint;
    made integer := 0;
    moment timestamptz;
BEGIN
    FOR balance IN
        SELECT * FROM usage_balance b
        WHERE b.next_grant_expiry_at <= clock_timestamp()
            AND (p_account_ids IS NULL OR b.account_id = ANY (p_account_ids))
        ORDER BY b.account_id FOR NO KEY UPDATE
    LOOP
        moment := clock_timestamp();
        PERFORM usage_settle_lots_v1(balance.account_id);
        kept := 0;
        FOR lot IN
            SELECT entry, remaining_microcredits, expires_at FROM usage_grant
            WHERE account_id = balance.account_id AND expires_at <= moment AND remaining_microcredits > 0
            ORDER BY expires_at, entry
        LOOP
            SELECT least(lot.remaining_microcredits, greatest(coalesce(sum(h.amount_microcredits), 0) - kept, 0))
            INTO lot_kept FROM usage_hold h
            WHERE h.account_id = balance.account_id AND h.held_at < lot.expires_at;
            kept := kept + lot_kept;
            taken := least(lot.remaining_microcredits - lot_kept, balance.available_microcredits);
            CONTINUE WHEN taken = 0;
            balance.last_entry := balance.last_entry + 1;
            INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits,
                previous_balance_microcredits, balance_microcredits, cause_entry, created_at)
            VALUES (balance.account_id, balance.last_entry, 'expiry', -taken,
                    balance.available_microcredits + balance.held_microcredits,
                    balance.available_microcredits + balance.held_microcredits - taken, lot.entry, moment);
            UPDATE usage_grant SET remaining_microcredits = remaining_microcredits - taken
            WHERE account_id = balance.account_id AND entry = lot.entry;
            balance.available_microcredits := balance.available_microcredits - taken;
            made := made + 1;
        END LOOP;
        UPDATE usage_balance
        SET available_microcredits = balance.available_microcredits,
            last_entry = balance.last_entry,
            next_grant_expiry_at = (
                SELECT min(expires_at) FROM usage_grant
                WHERE account_id = balance.account_id AND expires_at IS NOT NULL AND remaining_microcredits > 0)
        WHERE account_id = balance.account_id;
    END LOOP;
    RETURN made;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_expire_holds_v1(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    account_ids bigint[];
    request_ids uuid[];
    latencies_ms integer[];
    n integer;
    ended integer;
BEGIN
    SELECT array_agg(h.account_id), array_agg(h.request_id),
           -- A latency is an integer of milliseconds: 24 days are enough for a hold that was found late.
           array_agg(greatest(least(extract(epoch FROM clock_timestamp() - h.started_at) * 1000, 2147483647), 0)::integer)
    INTO account_ids, request_ids, latencies_ms
    FROM (SELECT * FROM usage_hold WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT p_limit) h;
    n := coalesce(cardinality(account_ids), 0);
    IF n = 0 THEN
        RETURN 0;
    END IF;
    SELECT count(*) FILTER (WHERE s.settled AND NOT s.repeated) INTO ended
    FROM usage_settle_v1(
        account_ids, request_ids, array_fill('expired'::text, ARRAY[n]), array_fill(NULL::bigint, ARRAY[n]),
        array_fill(true, ARRAY[n]), array_fill(NULL::text, ARRAY[n]), array_fill(NULL::smallint, ARRAY[n]),
        array_fill(false, ARRAY[n]), array_fill(false, ARRAY[n]), array_fill(0::bigint, ARRAY[n]),
        array_fill(0::bigint, ARRAY[n]), array_fill(0::bigint, ARRAY[n]), array_fill(0::bigint, ARRAY[n]),
        array_fill(0::bigint, ARRAY[n]), array_fill(0::bigint, ARRAY[n]), array_fill(0::bigint, ARRAY[n]),
        latencies_ms, array_fill(NULL::integer, ARRAY[n]),
        array_fill(NULL::integer, ARRAY[n]), array_fill(NULL::jsonb, ARRAY[n])) s;
    RETURN ended;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_first_request_id_v1(p_moment timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT (lpad(to_hex((extract(epoch FROM p_moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_forbid_change_v1()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_forget_answers_v1(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    forgotten integer;
BEGIN
    DELETE FROM usage_idempotent_call WHERE ctid IN (
        SELECT ctid FROM usage_idempotent_call WHERE expires_at <= clock_timestamp() - CASE WHEN status IS NULL THEN interval '24 hours' ELSE interval '0' END
        LIMIT p_limit);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_forget_rollups_v2(p_minutes_from timestamp with time zone, p_hours_from timestamp with time zone, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_grant_v1(p_account_id bigint, p_amount bigint, p_reason text, p_actor text, p_expires_at timestamp with time zone, p_idempotency_key text)
 RETURNS TABLE(entry bigint, available bigint, repeated boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    balance usage_balance;
    earlier usage_grant;
    moment timestamptz;
BEGIN
    PERFORM usage_open_balance_v1(p_account_id);
    SELECT * INTO balance FROM usage_balance b WHERE b.account_id = p_account_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    IF p_idempotency_key IS NOT NULL THEN
        SELECT * INTO earlier FROM usage_grant g
        WHERE g.account_id = p_account_id AND g.idempotency_key = p_idempotency_key;
        IF FOUND THEN
            IF earlier.amount_microcredits <> p_amount OR earlier.expires_at IS DISTINCT FROM p_expires_at THEN
                RAISE EXCEPTION 'idempotency key was used for another grant'
                    USING ERRCODE = 'unique_violation', CONSTRAINT = 'usage_grant_key_once';
            END IF;
            RETURN QUERY SELECT earlier.entry, balance.available_microcredits, true;
            RETURN;
        END IF;
    END IF;
    IF p_expires_at <= moment THEN
        RAISE EXCEPTION 'a grant must expire in the future'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_grant_expires_later';
    END IF;
    PERFORM usage_settle_lots_v1(p_account_id);
    UPDATE usage_balance b
    SET available_microcredits = b.available_microcredits + p_amount,
        last_entry = b.last_entry + 1,
        next_grant_expiry_at = least(b.next_grant_expiry_at, p_expires_at)
    WHERE b.account_id = p_account_id;
    INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits, previous_balance_microcredits,
                                    balance_microcredits, created_at)
    VALUES (p_account_id, balance.last_entry + 1, 'grant', p_amount,
            balance.available_microcredits + balance.held_microcredits,
            balance.available_microcredits + balance.held_microcredits + p_amount, moment);
    INSERT INTO usage_grant (account_id, entry, amount_microcredits, remaining_microcredits, reason, actor,
                             idempotency_key, expires_at, created_at)
    VALUES (p_account_id, balance.last_entry + 1, p_amount, p_amount, p_reason, p_actor, p_idempotency_key,
            p_expires_at, moment);
    RETURN QUERY SELECT balance.last_entry + 1, balance.available_microcredits + p_amount, false;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_keep_answer_v1(p_account_id bigint, p_idempotency_key text, p_request_id uuid, p_status smallint, p_content_type text, p_headers jsonb, p_body bytea)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    UPDATE usage_idempotent_call
    SET status = p_status, content_type = p_content_type, headers = p_headers, body = p_body,
        expires_at = clock_timestamp() + interval '24 hours'
    WHERE account_id = p_account_id AND idempotency_key = p_idempotency_key AND request_id = p_request_id;
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_latency_mark_v1(p_ms integer)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT ('1e' || (12 * width_bucket(p_ms, ARRAY[
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
        29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54,
        55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
        81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 106, 111, 116,
        121, 126, 131, 136, 141, 146, 152, 159, 166, 173, 180, 187, 194, 202, 211, 220, 229, 238, 247, 257,
        268, 279, 290, 302, 315, 328, 341, 355, 370, 385, 401, 418, 435, 453, 472, 491, 511, 532, 554, 577,
        601, 626, 652, 679, 707, 736, 766, 797, 829, 863, 898, 934, 972, 1012, 1054, 1097, 1141, 1187, 1235,
        1285, 1337, 1391, 1447, 1506, 1568, 1632, 1698, 1767, 1839, 1914, 1992, 2073, 2158, 2246, 2337, 2432,
        2531, 2634, 2741, 2853, 2970, 3091, 3217, 3348, 3484, 3626, 3774, 3928, 4088, 4255, 4429, 4610, 4798,
        4993, 5196, 5408, 5629, 5859, 6098, 6346, 6605, 6875, 7156, 7448, 7752, 8069, 8398, 8740, 9096, 9467,
        9854, 10257, 10676, 11112, 11566, 12038, 12529, 13040, 13572, 14126, 14703, 15304, 15929, 16579, 17256,
        17961, 18694, 19457, 20252, 21079, 21939, 22834, 23766, 24736, 25745, 26795, 27888, 29026, 30211,
        31444, 32727, 34063, 35454, 36902, 38409, 39977, 41609, 43308, 45076, 46916, 48831, 50824, 52898,
        55057, 57305, 59644, 62078, 64612, 67249, 69993, 72849, 75822, 78917, 82138, 85490, 88979, 92611,
        96391, 100325, 104420, 108682, 113118, 117735, 122540, 127541, 132746, 138164, 143804, 149674, 155783,
        162141, 168759, 175647, 182816, 190278, 198044, 206127, 214540, 223296, 232410, 241896, 251769, 262045,
        272740, 283872, 295459, 307519, 320071, 333135, 346732, 360884, 375614, 390945, 406902, 423511, 440797,
        458788, 477514, 497005, 517291, 538405, 560381, 583254, 607061, 631839, 657628, 684470, 712408, 741486,
        771751, 803252, 836038, 870162, 905679, 942645, 981120, 1021166, 1062846, 1106227, 1151379, 1198374,
        1247287, 1298196, 1351183, 1406333, 1463734, 1523478, 1585661, 1650382, 1717744, 1787856, 1860830,
        1936782, 2015834, 2098113, 2183751, 2272884, 2365655, 2462213, 2562712, 2667313, 2776183, 2889496,
        3007434, 3130186, 3257948, 3390925, 3529330, 3673384, 3823318, 3979372, 4141795, 4310847, 4486799,
        4669933, 4860542, 5058931, 5265418, 5480333, 5704020, 5936837, 6179157, 6431368, 6693873, 6967092,
        7251463, 7547441, 7855499, 8176131, 8509851, 8857192, 9218710, 9594984, 9986616, 10394233, 10818487,
        11260058, 11719653, 12198007, 12695885, 13214084, 13753434, 14314798, 14899075, 15507201, 16140148,
        16798929, 17484599, 18198256, 18941042, 19714145, 20518804, 21356307, 22227993, 23135258, 24079555,
        25062394, 26085348, 27150056, 28258222, 29411619, 30612093, 31861566, 33162038, 34515590, 35924389,
        37390690, 38916840, 40505282, 42158559, 43879317, 45670310, 47534405, 49474585, 51493956, 53595751,
        55783333, 58060204, 60430009, 62896540, 65463745, 68135734, 70916784, 73811346, 76824054, 79959730,
        83223392, 86620265, 90155786, 93835614, 97665639, 101651991, 105801052, 110119463, 114614135,
        119292263, 124161335, 129229144, 134503803, 139993755, 145707786, 151655042, 157845043, 164287697,
        170993317, 177972636, 185236825, 192797512, 200666798, 208857279, 217382066, 226254804, 235489694,
        245101518, 255105662, 265518138, 276355613, 287635434, 299375656, 311595071, 324313237, 337550512,
        351328084, 365668006, 380593231, 396127648, 412296123, 429124536, 446639823, 464870020, 483844307,
        503593055, 524147874, 545541665, 567808672, 590984536, 615106354, 640212736, 666343868, 693541577,
        721849396, 751312636, 781978458, 813895946, 847116188, 881692359, 917679803, 955136122, 994121270,
        1034697648, 1076930205, 1120886540, 1166637011, 1214254848, 1263816270, 1315400608, 1369090429,
        1424971671, 1483133780, 1543669853, 1606676786, 1672255430, 1740510754, 1811552010, 1885492909,
        1962451804, 2042551878, 2125921342]))::text)::numeric
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_lock_balances_v1(p_account_ids bigint[], p_key_digests bytea[])
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
    expiry timestamptz;
    due boolean := false;
BEGIN
    FOR expiry IN
        SELECT b.next_grant_expiry_at FROM usage_balance b
        WHERE b.account_id = ANY (
            p_account_ids || ARRAY(SELECT k.account_id FROM accounts_apikey k WHERE k.digest = ANY (p_key_digests)))
        ORDER BY b.account_id FOR NO KEY UPDATE
    LOOP
        due := due OR coalesce(expiry <= clock_timestamp(), false);
    END LOOP;
    RETURN due;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_make_partitions_if_free_v2(p_months_ahead integer)
 RETURNS integer
 LANGUAGE sql
 SET lock_timeout TO '100ms'
AS $function$
    SELECT usage_make_partitions_v2(p_months_ahead)
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_make_partitions_v2(p_months_ahead integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    month date;
    name text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage_make_partitions'));
    FOR month IN
        SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                               date_trunc('month', now() AT TIME ZONE 'UTC') + p_months_ahead * interval '1 month',
                               interval '1 month')::date
        UNION SELECT date_trunc('month', started_at AT TIME ZONE 'UTC')::date FROM usage_event_default
        WHERE started_at >= coalesce((SELECT s.events_from FROM usage_rollup_state s), '-infinity')
        ORDER BY 1
    LOOP
        name := 'usage_event_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
        -- ATTACH takes this lock anyway; taken now, no row can fall into the default partition in between.
        LOCK TABLE usage_event_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE public.%I (LIKE usage_event INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM usage_event_default WHERE started_at >= %L AND started_at < %L RETURNING *)
             INSERT INTO public.%I SELECT * FROM moved',
            month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC', name);
        EXECUTE format('ALTER TABLE usage_event ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name,
                       month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON public.%I FROM aio_app', name);
        made := made + 1;
    END LOOP;
    RETURN made;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_note_plan_v1()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    moment timestamptz;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO usage_plan_period (account_id, since, until, plan)
        VALUES (NEW.id, '-infinity', 'infinity', NEW.plan_id) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END IF;
    PERFORM 1 FROM usage_rollup_state FOR SHARE;
    moment := clock_timestamp();
    UPDATE usage_plan_period SET until = moment WHERE account_id = NEW.id AND until = 'infinity';
    INSERT INTO usage_plan_period (account_id, since, until, plan)
    VALUES (NEW.id, CASE WHEN FOUND THEN moment ELSE '-infinity' END, 'infinity', NEW.plan_id);
    RETURN NULL;
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_note_reconciliation_v1(p_took_ms bigint, p_disagreements bigint, p_first text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    INSERT INTO usage_reconciliation (took_ms, disagreements, first) VALUES (p_took_ms, p_disagreements, p_first);
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_note_refund_v1()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO usage_refund_to_roll_up (account_id, entry, started_at, request_id, amount_microcredits)
    SELECT NEW.account_id, NEW.entry, usage_started_at_v1(l.request_id), l.request_id, NEW.amount_microcredits
    FROM usage_ledger_entry l WHERE l.account_id = NEW.account_id AND l.entry = NEW.capture_entry;
    RETURN NULL;
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_open_balance_v1(p_account_id bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM accounts_account WHERE id = p_account_id) THEN
        RAISE EXCEPTION 'there is no such account'
            USING ERRCODE = 'no_data_found', CONSTRAINT = 'usage_account_known';
    END IF;
    INSERT INTO usage_balance (account_id) VALUES (p_account_id) ON CONFLICT DO NOTHING;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_publish_rate_v1(p_name text, p_prices jsonb)
 RETURNS TABLE(id bigint, version integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    newest usage_rate;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage_publish_rate'), hashtext(p_name));
    SELECT * INTO newest FROM usage_rate r WHERE r.name = p_name ORDER BY r.version DESC LIMIT 1;
    IF newest.id IS NOT NULL AND newest.prices = p_prices THEN
        RETURN QUERY SELECT newest.id, newest.version;
        RETURN;
    END IF;
    RETURN QUERY INSERT INTO usage_rate AS r (name, version, prices)
    VALUES (p_name, coalesce(newest.version, 0) + 1, p_prices) RETURNING r.id, r.version;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_publish_route_cost_v1(p_route text, p_since timestamp with time zone, p_prices jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO usage_route_cost (route, since, prices) VALUES (p_route, p_since, p_prices) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN true;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM usage_route_cost
                   WHERE route = p_route AND since = p_since AND prices = p_prices) THEN
        RAISE EXCEPTION 'another cost is published for that hour'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'usage_route_cost_once';
    END IF;
    RETURN false;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_reconcile_v2()
 RETURNS TABLE(problem text, account_id bigint, detail text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_refund_v2(p_account_id bigint, p_started_at timestamp with time zone, p_request_id uuid, p_amount bigint, p_reason text, p_actor text, p_idempotency_key text)
 RETURNS TABLE(entry bigint, available bigint, repeated boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    balance usage_balance;
    earlier usage_refund;
    capture bigint;
    refundable bigint;
BEGIN
    SELECT * INTO balance FROM usage_balance b WHERE b.account_id = p_account_id FOR NO KEY UPDATE;
    SELECT e.ledger_entry, e.cost_microcredits - e.refunded_microcredits INTO capture, refundable
    FROM usage_event e
    WHERE e.account_id = p_account_id AND e.started_at = p_started_at AND e.request_id = p_request_id;
    IF capture IS NULL AND p_started_at < (SELECT s.events_from FROM usage_rollup_state s) THEN
        RAISE EXCEPTION 'the call is archived'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'usage_refund_has_event';
    END IF;
    IF capture IS NULL THEN
        RAISE EXCEPTION 'there is no capture to refund'
            USING ERRCODE = 'no_data_found', CONSTRAINT = 'usage_refund_has_capture';
    END IF;
    SELECT * INTO earlier FROM usage_refund r
    WHERE r.account_id = p_account_id AND r.idempotency_key = p_idempotency_key;
    IF FOUND THEN
        IF earlier.amount_microcredits <> p_amount OR earlier.capture_entry <> capture THEN
            RAISE EXCEPTION 'idempotency key was used for another refund'
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'usage_refund_key_once';
        END IF;
        RETURN QUERY SELECT earlier.entry, balance.available_microcredits, true;
        RETURN;
    END IF;
    IF p_amount > refundable THEN
        RAISE EXCEPTION 'refunds cannot exceed their capture'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_refund_within_capture';
    END IF;
    UPDATE usage_event e SET refunded_microcredits = e.refunded_microcredits + p_amount
    WHERE e.account_id = p_account_id AND e.started_at = p_started_at AND e.request_id = p_request_id;
    UPDATE usage_balance b
    SET available_microcredits = b.available_microcredits + p_amount, last_entry = b.last_entry + 1
    WHERE b.account_id = p_account_id;
    INSERT INTO usage_ledger_entry (account_id, entry, kind, amount_microcredits, previous_balance_microcredits,
                                    balance_microcredits, request_id, cause_entry, created_at)
    VALUES (p_account_id, balance.last_entry + 1, 'refund', p_amount,
            balance.available_microcredits + balance.held_microcredits,
            balance.available_microcredits + balance.held_microcredits + p_amount, p_request_id, capture,
            clock_timestamp());
    INSERT INTO usage_refund (account_id, entry, capture_entry, amount_microcredits, reason, actor, idempotency_key)
    VALUES (p_account_id, balance.last_entry + 1, capture, p_amount, p_reason, p_actor, p_idempotency_key);
    RETURN QUERY SELECT balance.last_entry + 1, balance.available_microcredits + p_amount, false;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_refuse_unfinished_v1(p_from timestamp with time zone, p_until timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
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
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_refuse_v1(p_key_digest bytea, p_account_id bigint, p_member_id bigint, p_address inet, p_endpoint text, p_model text, p_code text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    found_account bigint;
    found_key bigint;
    earlier text;
BEGIN
    SELECT a.id, coalesce(k.id, 0), CASE
            WHEN a.id IS NULL THEN 'unknown_key'
            WHEN k.revoked_at IS NOT NULL THEN 'revoked_key'
            WHEN k.expires_at <= clock_timestamp() THEN 'expired_key'
            WHEN k.id IS NULL AND m.role IS NULL THEN 'not_a_member'
            WHEN a.status <> 'active' THEN 'account_suspended'
            WHEN k.id IS NULL AND m.role = 'viewer' THEN 'role_not_allowed'
            WHEN k.allowed_endpoints IS NOT NULL AND p_endpoint <> ALL (k.allowed_endpoints)
                THEN 'endpoint_not_allowed'
            WHEN k.allowed_models IS NOT NULL AND p_model <> ALL (k.allowed_models) THEN 'model_not_allowed'
            WHEN k.allowed_networks IS NOT NULL AND (p_address IS NULL OR NOT EXISTS (
                SELECT 1 FROM unnest(k.allowed_networks) network WHERE p_address <<= network::inet))
                THEN 'address_not_allowed'
        END
    INTO found_account, found_key, earlier
    FROM (SELECT p_key_digest AS digest) i
    LEFT JOIN accounts_apikey k ON k.digest = i.digest
    LEFT JOIN accounts_account a ON a.id = coalesce(k.account_id, p_account_id)
    LEFT JOIN accounts_membership m ON m.account_id = p_account_id AND m.user_id = p_member_id;
    PERFORM usage_count_refusals_v1(ARRAY[found_account], ARRAY[found_key], ARRAY[coalesce(p_endpoint, '')],
                                    ARRAY[coalesce(earlier, p_code)]);
    RETURN earlier;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_reset_rollups_v1(p_day_starts integer[], p_minutes_from timestamp with time zone, p_hours_from timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_roll_up_v3(p_span interval, p_lag interval, OUT events bigint, OUT is_done boolean)
 RETURNS record
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    SELECT * FROM usage_roll_up_v4(p_span, p_lag)
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_roll_up_v4(p_span interval, p_lag interval, OUT events bigint, OUT is_done boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_rollup_statement_v2(p_with text, p_source text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    measures constant text[] := ARRAY['calls', 'gross_microcredits', 'refunded_microcredits', 'tokens_in',
        'tokens_out', 'images', 'audio_ms', 'characters', 'pixel_steps', 'video_ms', 'latencies',
        'upstream_latencies', 'first_bytes'];
    columns text := array_to_string(measures, ', ');
    sums text := (SELECT string_agg(format('coalesce(sum(%s), 0) AS %s', m, m), ', ') FROM unnest(measures) m);
    adding text := (SELECT string_agg(format('%s = r.%s + excluded.%s', m, m, m), ', ') FROM unnest(measures) m);
BEGIN
    -- Everybody's sums are the same groups without account, key and member, as account 0; and as account -1 also
    -- without plan, and with no more of the outcome than whether it is an error. Rows are added in the order in which
    -- they are read, so that those of an account lie together.
    RETURN format($sql$WITH %5$sevent AS (%1$s), added AS MATERIALIZED (
        -- Where minutes are kept no more, whatever still tells the days apart is fine enough.
        SELECT account_id, date_bin(CASE WHEN started_at >= $4 THEN '1 minute'::interval ELSE w.width END, started_at,
                                    'epoch') AS bucket, key_id, member_id, kind_id, sum(errors) AS errors, %2$s
        FROM event CROSS JOIN (SELECT CASE WHEN bool_and(d %% 60 = 0) THEN '1 hour'::interval
                                          ELSE '15 minutes' END AS width FROM unnest($3) d) w
        GROUP BY 1, 2, 3, 4, 5
    ), everybody AS MATERIALIZED (
        SELECT bucket, kind_id, sum(errors) AS errors, %2$s FROM added GROUP BY 1, 2
    ), minutes AS MATERIALIZED (
        SELECT account_id, bucket, key_id, member_id, kind_id, errors, %4$s FROM added
        UNION ALL SELECT 0, bucket, 0, 0, kind_id, errors, %4$s FROM everybody
        UNION ALL SELECT -1, e.bucket, 0, 0, c.id, sum(e.errors), %2$s FROM everybody e
            JOIN usage_call_kind k ON k.id = e.kind_id
            JOIN usage_call_kind c ON c.plan = '' AND c.endpoint = k.endpoint AND c.model = k.model
                AND c.route = k.route AND c.upstream = k.upstream AND c.outcome = usage_coarse_outcome_v1(k.outcome)
            GROUP BY 2, 5
    ), hours AS MATERIALIZED (
        SELECT account_id, date_bin('1 hour', bucket, 'epoch') AS bucket, key_id, member_id, kind_id,
            sum(errors) AS errors, %2$s
        FROM minutes GROUP BY 1, 2, 3, 4, 5
    ), days AS MATERIALIZED (
        SELECT account_id, d.day_start, date_bin('1 day', m.bucket, 'epoch'::timestamptz + d.day_start * interval '1 minute')
            AS bucket, key_id, member_id, kind_id, sum(errors) AS errors, %2$s
        FROM minutes m CROSS JOIN unnest($3) AS d (day_start) GROUP BY 1, 2, 3, 4, 5, 6
    ), to_minutes AS (
        INSERT INTO usage_rollup_minute AS r (account_id, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, bucket, key_id, member_id, kind_id, %4$s FROM minutes WHERE bucket >= $4
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account_id, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_hours AS (
        INSERT INTO usage_rollup_hour AS r (account_id, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, bucket, key_id, member_id, kind_id, %4$s FROM hours WHERE bucket >= $5
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account_id, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_days AS (
        INSERT INTO usage_rollup_day AS r (account_id, day_start, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, day_start, bucket, key_id, member_id, kind_id, %4$s FROM days
        ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (account_id, day_start, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_account_days AS (
        INSERT INTO usage_rollup_account_day AS r
            (day_start, bucket, account_id, calls, errors, gross_microcredits, refunded_microcredits)
        SELECT day_start, bucket, account_id, sum(calls), sum(errors), sum(gross_microcredits),
            sum(refunded_microcredits)
        FROM days WHERE account_id > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (day_start, bucket, account_id) DO UPDATE SET calls = r.calls + excluded.calls,
            errors = r.errors + excluded.errors,
            gross_microcredits = r.gross_microcredits + excluded.gross_microcredits,
            refunded_microcredits = r.refunded_microcredits + excluded.refunded_microcredits
    ) SELECT coalesce(sum(calls), 0)::bigint FROM added$sql$, p_source, sums, adding, columns, p_with);
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_rollup_statement_v3(p_with text, p_source text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    measures constant text[] := ARRAY['calls', 'gross_microcredits', 'refunded_microcredits', 'tokens_in',
        'tokens_out', 'images', 'audio_ms', 'characters', 'pixel_steps', 'video_ms', 'latencies',
        'upstream_latencies', 'first_bytes'];
    -- Null where there is none of them.
    parts constant text[] := ARRAY['cache_read_tokens', 'cache_write_tokens', 'cache_write_1h_tokens', 'reasoning_tokens',
        'audio_tokens_in', 'audio_tokens_out'];
    columns text := array_to_string(measures || parts, ', ');
    sums text := (SELECT string_agg(format('coalesce(sum(%1$s), 0) AS %1$s', m), ', ') FROM unnest(measures) m)
        || (SELECT string_agg(format(', sum(%1$s) AS %1$s', p), '') FROM unnest(parts) p);
    adding text := (SELECT string_agg(format('%1$s = r.%1$s + excluded.%1$s', m), ', ') FROM unnest(measures) m)
        || (SELECT string_agg(format(', %1$s = coalesce(r.%1$s + excluded.%1$s, r.%1$s, excluded.%1$s)', p), '')
            FROM unnest(parts) p);
BEGIN
    -- Everybody's sums are the same groups without account, key and member, as account 0; and as account -1 also
    -- without plan, and with no more of the outcome than whether it is an error. Rows are added in the order in which
    -- they are read, so that those of an account lie together.
    RETURN format($sql$WITH %5$sevent AS (%1$s), added AS MATERIALIZED (
        -- Where minutes are kept no more, whatever still tells the days apart is fine enough.
        SELECT account_id, date_bin(CASE WHEN started_at >= $4 THEN '1 minute'::interval ELSE w.width END, started_at,
                                    'epoch') AS bucket, key_id, member_id, kind_id, sum(errors) AS errors, %2$s
        FROM event CROSS JOIN (SELECT CASE WHEN bool_and(d %% 60 = 0) THEN '1 hour'::interval
                                          ELSE '15 minutes' END AS width FROM unnest($3) d) w
        GROUP BY 1, 2, 3, 4, 5
    ), everybody AS MATERIALIZED (
        SELECT bucket, kind_id, sum(errors) AS errors, %2$s FROM added GROUP BY 1, 2
    ), minutes AS MATERIALIZED (
        SELECT account_id, bucket, key_id, member_id, kind_id, errors, %4$s FROM added
        UNION ALL SELECT 0, bucket, 0, 0, kind_id, errors, %4$s FROM everybody
        UNION ALL SELECT -1, e.bucket, 0, 0, c.id, sum(e.errors), %2$s FROM everybody e
            JOIN usage_call_kind k ON k.id = e.kind_id
            JOIN usage_call_kind c ON c.plan = '' AND c.endpoint = k.endpoint AND c.model = k.model
                AND c.route = k.route AND c.upstream = k.upstream AND c.outcome = usage_coarse_outcome_v1(k.outcome)
            GROUP BY 2, 5
    ), hours AS MATERIALIZED (
        SELECT account_id, date_bin('1 hour', bucket, 'epoch') AS bucket, key_id, member_id, kind_id,
            sum(errors) AS errors, %2$s
        FROM minutes GROUP BY 1, 2, 3, 4, 5
    ), days AS MATERIALIZED (
        SELECT account_id, d.day_start, date_bin('1 day', m.bucket, 'epoch'::timestamptz + d.day_start * interval '1 minute')
            AS bucket, key_id, member_id, kind_id, sum(errors) AS errors, %2$s
        FROM minutes m CROSS JOIN unnest($3) AS d (day_start) GROUP BY 1, 2, 3, 4, 5, 6
    ), to_minutes AS (
        INSERT INTO usage_rollup_minute AS r (account_id, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, bucket, key_id, member_id, kind_id, %4$s FROM minutes WHERE bucket >= $4
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account_id, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_hours AS (
        INSERT INTO usage_rollup_hour AS r (account_id, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, bucket, key_id, member_id, kind_id, %4$s FROM hours WHERE bucket >= $5
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (account_id, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_days AS (
        INSERT INTO usage_rollup_day AS r (account_id, day_start, bucket, key_id, member_id, kind_id, %4$s)
        SELECT account_id, day_start, bucket, key_id, member_id, kind_id, %4$s FROM days
        ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (account_id, day_start, bucket, key_id, member_id, kind_id) DO UPDATE SET %3$s
    ), to_account_days AS (
        INSERT INTO usage_rollup_account_day AS r
            (day_start, bucket, account_id, calls, errors, gross_microcredits, refunded_microcredits)
        SELECT day_start, bucket, account_id, sum(calls), sum(errors), sum(gross_microcredits),
            sum(refunded_microcredits)
        FROM days WHERE account_id > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (day_start, bucket, account_id) DO UPDATE SET calls = r.calls + excluded.calls,
            errors = r.errors + excluded.errors,
            gross_microcredits = r.gross_microcredits + excluded.gross_microcredits,
            refunded_microcredits = r.refunded_microcredits + excluded.refunded_microcredits
    ) SELECT coalesce(sum(calls), 0)::bigint FROM added$sql$, p_source, sums, adding, columns, p_with);
END $function$;
-- rights: {postgres=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_settle_lots_v1(p_account_id bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
DECLARE
    owed bigint;
    lot record;
    taken bigint;
BEGIN
    SELECT captured_microcredits - lots_settled_at_microcredits INTO owed
    FROM usage_balance WHERE account_id = p_account_id;
    FOR lot IN
        SELECT entry, remaining_microcredits FROM usage_grant
        WHERE account_id = p_account_id AND expires_at IS NOT NULL AND remaining_microcredits > 0
        ORDER BY expires_at, entry
    LOOP
        EXIT WHEN owed = 0;
        taken := least(owed, lot.remaining_microcredits);
        UPDATE usage_grant SET remaining_microcredits = remaining_microcredits - taken
        WHERE account_id = p_account_id AND entry = lot.entry;
        owed := owed - taken;
    END LOOP;
    UPDATE usage_balance SET lots_settled_at_microcredits = captured_microcredits WHERE account_id = p_account_id;
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_settle_v1(p_account_ids bigint[], p_request_ids uuid[], p_outcomes text[], p_charges bigint[], p_give_trial_back boolean[], p_upstreams text[], p_statuses smallint[], p_streamed boolean[], p_estimated boolean[], p_tokens_in bigint[], p_tokens_out bigint[], p_images bigint[], p_audio_ms bigint[], p_characters bigint[], p_pixel_steps bigint[], p_video_ms bigint[], p_latencies_ms integer[], p_upstream_latencies_ms integer[], p_first_bytes_ms integer[], p_attempts jsonb[])
 RETURNS TABLE(settled boolean, charged bigint, available bigint, repeated boolean)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    SELECT * FROM usage_settle_v3(p_account_ids, p_request_ids, p_outcomes, p_charges, p_give_trial_back, p_upstreams,
        p_statuses, p_streamed, p_estimated, p_tokens_in, p_tokens_out, p_images, p_audio_ms, p_characters,
        p_pixel_steps, p_video_ms, p_latencies_ms, p_upstream_latencies_ms, p_first_bytes_ms, p_attempts, '{}')
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_settle_v2(p_account_ids bigint[], p_request_ids uuid[], p_outcomes text[], p_charges bigint[], p_give_trial_back boolean[], p_upstreams text[], p_statuses smallint[], p_streamed boolean[], p_estimated boolean[], p_tokens_in bigint[], p_tokens_out bigint[], p_images bigint[], p_audio_ms bigint[], p_characters bigint[], p_pixel_steps bigint[], p_video_ms bigint[], p_latencies_ms integer[], p_upstream_latencies_ms integer[], p_first_bytes_ms integer[], p_attempts jsonb[])
 RETURNS TABLE(settled boolean, charged bigint, available bigint, repeated boolean)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
    SELECT * FROM usage_settle_v3(p_account_ids, p_request_ids, p_outcomes, p_charges, p_give_trial_back, p_upstreams,
        p_statuses, p_streamed, p_estimated, p_tokens_in, p_tokens_out, p_images, p_audio_ms, p_characters,
        p_pixel_steps, p_video_ms, p_latencies_ms, p_upstream_latencies_ms, p_first_bytes_ms, p_attempts, '{}')
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_settle_v3(p_account_ids bigint[], p_request_ids uuid[], p_outcomes text[], p_charges bigint[], p_give_trial_back boolean[], p_upstreams text[], p_statuses smallint[], p_streamed boolean[], p_estimated boolean[], p_tokens_in bigint[], p_tokens_out bigint[], p_images bigint[], p_audio_ms bigint[], p_characters bigint[], p_pixel_steps bigint[], p_video_ms bigint[], p_latencies_ms integer[], p_upstream_latencies_ms integer[], p_first_bytes_ms integer[], p_attempts jsonb[], p_parts jsonb[])
 RETURNS TABLE(settled boolean, charged bigint, available bigint, repeated boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
            i.latency_ms, i.upstream_latency_ms, i.first_byte_ms, i.attempts, i.parts, h.key_id, h.member_id, h.endpoint, h.model,
            h.route, h.rate_id, h.trial_day, h.held_at, h.started_at, h.meters, h.hold, h.cost,
            CASE WHEN h.cost > 0 THEN b.last_entry
                + sum((h.cost > 0)::int) OVER of_account END AS entry,
            b.total - sum(h.cost) OVER of_account AS balance
        FROM unnest(p_account_ids, p_request_ids, p_outcomes, p_charges, p_give_trial_back, p_upstreams, p_statuses,
                    p_streamed, p_estimated, p_tokens_in, p_tokens_out, p_images, p_audio_ms, p_characters,
                    p_pixel_steps, p_video_ms, p_latencies_ms, p_upstream_latencies_ms, p_first_bytes_ms, p_attempts,
                    p_parts)
            WITH ORDINALITY AS i (account_id, request_id, outcome, charge, give_trial_back, upstream, status,
                                  streamed, estimated, tokens_in, tokens_out, images, audio_ms, characters,
                                  pixel_steps, video_ms, latency_ms, upstream_latency_ms, first_byte_ms, attempts, parts,
                                  ord)
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
            upstream_latency_ms, first_byte_ms, attempts, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
            reasoning_tokens, audio_tokens_in, audio_tokens_out)
        SELECT n.account_id, n.started_at, n.request_id, moment, n.key_id, n.member_id, n.endpoint, n.model,
            n.route, n.upstream, n.rate_id, n.outcome, n.status, n.streamed, n.estimated, n.trial_day IS NOT NULL,
            n.tokens_in, n.tokens_out, n.images, n.audio_ms, n.characters, n.pixel_steps, n.video_ms,
            n.hold, n.cost, n.entry, n.latency_ms,
            n.upstream_latency_ms, n.first_byte_ms, n.attempts, (n.parts ->> 'cache_read_tokens')::bigint,
            (n.parts ->> 'cache_write_tokens')::bigint, (n.parts ->> 'cache_write_1h_tokens')::bigint,
            (n.parts ->> 'reasoning_tokens')::bigint, (n.parts ->> 'audio_tokens_in')::bigint,
            (n.parts ->> 'audio_tokens_out')::bigint
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
END $function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}

CREATE OR REPLACE FUNCTION public.usage_started_at_v1(p_request_id uuid)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT 'epoch'::timestamptz
        + ('x0000' || left(replace(p_request_id::text, '-', ''), 12))::bit(64)::bigint * interval '1 millisecond'
$function$;
-- rights: {postgres=X/postgres,aio_app=X/postgres}
