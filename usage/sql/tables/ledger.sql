-- The books. Rows here are written only by the functions in `functions/`; the application's role may read.
-- Amounts are integers of micro-credits. Every table on a call's path starts its key with account_id.

CREATE TABLE usage_rate (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (name <> ''),
    version       integer NOT NULL CHECK (version > 0),
    prices        jsonb NOT NULL,
    published_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);
COMMENT ON TABLE usage_rate IS 'Published prices; a row never changes, a new price is a new version.';

CREATE TABLE usage_balance (
    account_id              bigint PRIMARY KEY,
    available_microcredits  bigint NOT NULL DEFAULT 0 CHECK (available_microcredits >= 0),
    held_microcredits       bigint NOT NULL DEFAULT 0 CHECK (held_microcredits >= 0),
    last_entry              bigint NOT NULL DEFAULT 0,
    captured_microcredits   bigint NOT NULL DEFAULT 0,
    lots_settled_at_microcredits bigint NOT NULL DEFAULT 0,
    next_grant_expiry_at    timestamptz,
    holds_opened            bigint NOT NULL DEFAULT 0,
    holds_ended             bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN usage_balance.captured_microcredits IS 'Sum of all captures, ever; refunds do not lower it.';
COMMENT ON COLUMN usage_balance.lots_settled_at_microcredits IS
    'The captured sum up to which captures have been taken off the expiring grants.';

CREATE TABLE usage_grant (
    account_id               bigint NOT NULL,
    entry                    bigint NOT NULL,
    amount_microcredits      bigint NOT NULL CHECK (amount_microcredits > 0),
    remaining_microcredits   bigint NOT NULL CHECK (remaining_microcredits >= 0),
    reason                   text NOT NULL,
    actor                    text NOT NULL,
    idempotency_key          text,
    expires_at               timestamptz,
    created_at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, entry),
    UNIQUE (account_id, idempotency_key),
    CHECK (remaining_microcredits <= amount_microcredits)
);
COMMENT ON COLUMN usage_grant.remaining_microcredits IS
    'Of an expiring grant: what was left when captures were last taken off. Others stay at their amount.';
CREATE INDEX usage_grant_expiring ON usage_grant (account_id, expires_at)
    WHERE expires_at IS NOT NULL AND remaining_microcredits > 0;

CREATE TABLE usage_hold (
    account_id           bigint NOT NULL,
    request_id           uuid NOT NULL,
    key_id               bigint NOT NULL,
    member_id            bigint,
    endpoint             text NOT NULL,
    model                text NOT NULL,
    route                text NOT NULL,
    rate_id              bigint NOT NULL,
    amount_microcredits  bigint NOT NULL CHECK (amount_microcredits >= 0),
    trial_day            date,
    started_at           timestamptz NOT NULL,
    held_at              timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    meters               bigint[],
    PRIMARY KEY (account_id, request_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN usage_hold.meters IS
    'The keys on whose meters it is counted; null where that is its own key alone.';

CREATE TABLE usage_ledger_entry (
    account_id                  bigint NOT NULL,
    entry                       bigint NOT NULL,
    kind                        text NOT NULL CHECK (kind IN ('grant', 'capture', 'expiry', 'refund')),
    amount_microcredits         bigint NOT NULL CHECK (amount_microcredits <> 0),
    previous_balance_microcredits bigint NOT NULL CHECK (previous_balance_microcredits >= 0),
    balance_microcredits        bigint NOT NULL CHECK (balance_microcredits >= 0),
    request_id                  uuid,
    cause_entry                 bigint,
    created_at                  timestamptz NOT NULL,
    PRIMARY KEY (account_id, entry),
    CHECK (balance_microcredits = previous_balance_microcredits + amount_microcredits),
    CHECK ((amount_microcredits > 0) = (kind IN ('grant', 'refund'))),
    CHECK ((request_id IS NOT NULL) = (kind IN ('capture', 'refund'))),
    CHECK ((cause_entry IS NOT NULL) = (kind IN ('expiry', 'refund')))
);
COMMENT ON COLUMN usage_ledger_entry.balance_microcredits IS 'Available plus held, after this entry.';
COMMENT ON COLUMN usage_ledger_entry.cause_entry IS 'The grant that expired, or the capture that is refunded.';

CREATE TABLE usage_refund (
    account_id           bigint NOT NULL,
    entry                bigint NOT NULL,
    capture_entry        bigint NOT NULL,
    amount_microcredits  bigint NOT NULL CHECK (amount_microcredits > 0),
    reason               text NOT NULL,
    actor                text NOT NULL,
    idempotency_key      text NOT NULL,
    PRIMARY KEY (account_id, entry),
    UNIQUE (account_id, idempotency_key)
);
CREATE INDEX usage_refund_of_capture ON usage_refund (account_id, capture_entry);

CREATE TABLE usage_event (
    account_id            bigint NOT NULL,
    started_at            timestamptz NOT NULL,
    request_id            uuid NOT NULL,
    settled_at            timestamptz NOT NULL,
    key_id                bigint NOT NULL,
    member_id             bigint,
    endpoint              text NOT NULL,
    model                 text NOT NULL,
    route                 text NOT NULL,
    upstream              text,
    rate_id               bigint NOT NULL,
    outcome               text NOT NULL CHECK (outcome IN
        ('succeeded', 'partial', 'rejected', 'failed', 'timed_out', 'cancelled', 'expired')),
    status                smallint,
    streamed              boolean NOT NULL,
    estimated             boolean NOT NULL,
    trial                 boolean NOT NULL,
    tokens_in             bigint NOT NULL CHECK (tokens_in >= 0),
    tokens_out            bigint NOT NULL CHECK (tokens_out >= 0),
    images                bigint NOT NULL CHECK (images >= 0),
    audio_ms              bigint NOT NULL CHECK (audio_ms >= 0),
    characters            bigint NOT NULL CHECK (characters >= 0),
    pixel_steps           bigint NOT NULL CHECK (pixel_steps >= 0),
    video_ms              bigint NOT NULL CHECK (video_ms >= 0),
    hold_microcredits     bigint NOT NULL CHECK (hold_microcredits >= 0),
    cost_microcredits     bigint NOT NULL CHECK (cost_microcredits >= 0),
    refunded_microcredits bigint NOT NULL DEFAULT 0 CHECK (refunded_microcredits >= 0),
    ledger_entry          bigint,
    latency_ms            integer NOT NULL CHECK (latency_ms >= 0),
    upstream_latency_ms   integer CHECK (upstream_latency_ms >= 0),
    first_byte_ms         integer CHECK (first_byte_ms >= 0),
    attempts              jsonb,
    PRIMARY KEY (account_id, started_at, request_id),
    CHECK (cost_microcredits <= hold_microcredits),
    CHECK (refunded_microcredits <= cost_microcredits),
    CHECK (cost_microcredits = 0 OR outcome IN ('succeeded', 'partial')),
    CHECK ((ledger_entry IS NULL) = (cost_microcredits = 0))
) PARTITION BY RANGE (started_at);
COMMENT ON COLUMN usage_event.latency_ms IS 'From the request''s arrival to its settlement being asked for.';
COMMENT ON COLUMN usage_event.attempts IS 'The upstream attempts, where there was more than one.';
CREATE TABLE usage_event_default PARTITION OF usage_event DEFAULT;
-- Both columns grow with the table, so a few pages tell where the events of a time lie. What a row costs it was too small to tell
-- from noise (47–52 µs of CPU a settled call with and without it, 32 a batch).
CREATE INDEX usage_event_by_time ON usage_event USING brin (settled_at, started_at) WITH (pages_per_range = 64, autosummarize = on);
-- Calls that were charged all that was held: those that cost more are among them.
CREATE INDEX usage_event_at_its_hold ON usage_event (started_at)
    WHERE cost_microcredits = hold_microcredits AND outcome IN ('succeeded', 'partial');

CREATE TABLE usage_key_meter (
    account_id         bigint NOT NULL,
    key_id             bigint NOT NULL,
    window_started_at  timestamptz NOT NULL,
    window_calls       integer NOT NULL CHECK (window_calls >= 0),
    day                date NOT NULL,
    day_microcredits   bigint NOT NULL CHECK (day_microcredits >= 0),
    month              date NOT NULL,
    month_microcredits bigint NOT NULL CHECK (month_microcredits >= 0),
    -- Null where a meter began with a call of a key that its own one issued.
    last_used_at       timestamptz,
    PRIMARY KEY (account_id, key_id)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE usage_key_meter IS
    'Per key: calls in the running minute, and what it, its successors and the keys they issued spent or hold this day and month. A successor''s row says only when it was last used. key_id 0: sessions.';

CREATE TABLE usage_trial_day (
    account_id  bigint NOT NULL,
    day         date NOT NULL,
    calls       integer NOT NULL CHECK (calls >= 0),
    PRIMARY KEY (account_id, day)
) WITH (fillfactor = 50);

CREATE TABLE usage_refusal (
    account_id  bigint NOT NULL,
    key_id      bigint NOT NULL,
    minute      timestamptz NOT NULL,
    endpoint    text NOT NULL,
    code        text NOT NULL,
    calls       bigint NOT NULL CHECK (calls > 0),
    PRIMARY KEY (account_id, minute, key_id, endpoint, code)
);

CREATE TABLE usage_idempotent_call (
    account_id       bigint NOT NULL,
    idempotency_key  text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint      bytea NOT NULL,
    request_id       uuid NOT NULL,
    status           smallint,
    content_type     text,
    headers          jsonb,
    body             bytea,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
);
COMMENT ON COLUMN usage_idempotent_call.status IS 'Null while the first call is under way.';

CREATE FUNCTION usage_forbid_change_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER usage_ledger_entry_append_only BEFORE UPDATE OR DELETE ON usage_ledger_entry
    FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
CREATE TRIGGER usage_rate_immutable BEFORE UPDATE OR DELETE ON usage_rate
    FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();

-- What a route costs us at its upstream, from a moment on: staff reports take it off what callers paid.
CREATE TABLE usage_route_cost (
    route         text NOT NULL CHECK (route <> ''),
    since         timestamptz NOT NULL CHECK (since = date_trunc('hour', since)),
    prices        jsonb NOT NULL,
    published_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (route, since)
);
COMMENT ON TABLE usage_route_cost IS
    'In micro-credits, as usage_rate has prices; a row never changes. A route without a row has no known cost.';
CREATE TRIGGER usage_route_cost_immutable BEFORE UPDATE OR DELETE ON usage_route_cost
    FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();

-- What the runs of `reconcile` found, for those who ask later.
CREATE TABLE usage_reconciliation (
    checked_at     timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    took_ms        bigint NOT NULL CHECK (took_ms >= 0),
    disagreements  bigint NOT NULL CHECK (disagreements >= 0),
    first          text
);
COMMENT ON COLUMN usage_reconciliation.first IS 'The first disagreement in words; null where the books agreed.';
