-- Sums of the usage events by minute, hour and day, so that months are read as fast as hours. All of it can be made
-- anew from the events; the ledger is never read from here.
--
-- What is summed are the events settled up to `usage_rollup_state.rolled_up_to`; readers add the later ones from the
-- events themselves, in the same snapshot. Rows of account 0 are the sums of all accounts, without keys and members.
-- Rows of account -1 are coarser again: without plans, and of outcomes only whether they are errors. Most reports ask for no
-- more.
--
-- The sums of all accounts (`…_everybody`) are read for months at once and lie in tables of their own. Among the accounts'
-- rows (`…_each`) every one of them had a page to itself, so that a report of 90 days read 25,000 pages; on their own they
-- fill some thousands.

CREATE TABLE usage_rollup_state (
    only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    rolled_up_to     timestamptz NOT NULL DEFAULT '-infinity',
    candidate_to     timestamptz,
    candidate_xid    xid8,
    -- A day starts at these minutes after midnight UTC: one for each time zone whose days are kept.
    day_starts       integer[] NOT NULL DEFAULT '{0,900}',
    minutes_from     timestamptz NOT NULL DEFAULT '-infinity',
    hours_from       timestamptz NOT NULL DEFAULT '-infinity',
    events_from      timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN usage_rollup_state.rolled_up_to IS 'Events settled up to then are in the sums, later ones are not.';
COMMENT ON COLUMN usage_rollup_state.candidate_to IS
    'The next such moment, once every transaction up to candidate_xid has ended.';
COMMENT ON COLUMN usage_rollup_state.minutes_from IS 'Minutes before are forgotten; so are hours before hours_from.';
COMMENT ON COLUMN usage_rollup_state.events_from IS 'Events that started before are archived.';
INSERT INTO usage_rollup_state DEFAULT VALUES;

CREATE TABLE usage_call_kind (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan      text NOT NULL,
    endpoint  text NOT NULL,
    model     text NOT NULL,
    route     text NOT NULL,
    upstream  text NOT NULL,
    outcome   text NOT NULL,
    UNIQUE (plan, endpoint, model, route, upstream, outcome)
);
COMMENT ON TABLE usage_call_kind IS 'What calls have in common, so that a row of sums names it by a number.';

CREATE TABLE usage_rollup_hour (
    account_id            bigint NOT NULL,
    bucket                timestamptz NOT NULL,
    key_id                bigint NOT NULL,
    member_id             bigint NOT NULL,
    kind_id               integer NOT NULL,
    calls                 bigint NOT NULL,
    gross_microcredits    bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    tokens_in             bigint NOT NULL,
    tokens_out            bigint NOT NULL,
    images                bigint NOT NULL,
    audio_ms              bigint NOT NULL,
    characters            bigint NOT NULL,
    pixel_steps           bigint NOT NULL,
    video_ms              bigint NOT NULL,
    latencies             numeric NOT NULL,
    upstream_latencies    numeric NOT NULL,
    first_bytes           numeric NOT NULL,
    PRIMARY KEY (account_id, bucket, key_id, member_id, kind_id)
) PARTITION BY LIST (account_id);
CREATE TABLE usage_rollup_hour_everybody PARTITION OF usage_rollup_hour FOR VALUES IN (0, -1) WITH (fillfactor = 80);
CREATE TABLE usage_rollup_hour_each PARTITION OF usage_rollup_hour DEFAULT WITH (fillfactor = 80);
COMMENT ON COLUMN usage_rollup_hour.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';
COMMENT ON COLUMN usage_rollup_hour_each.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';

CREATE TABLE usage_rollup_minute (
    LIKE usage_rollup_hour,
    PRIMARY KEY (account_id, bucket, key_id, member_id, kind_id)
) PARTITION BY LIST (account_id);
CREATE TABLE usage_rollup_minute_everybody PARTITION OF usage_rollup_minute FOR VALUES IN (0, -1) WITH (fillfactor = 80);
CREATE TABLE usage_rollup_minute_each PARTITION OF usage_rollup_minute DEFAULT WITH (fillfactor = 80);
COMMENT ON COLUMN usage_rollup_minute.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';
COMMENT ON COLUMN usage_rollup_minute_each.latencies IS 'A histogram, as latency_mark_v1.sql describes it.';

CREATE TABLE usage_rollup_day (
    LIKE usage_rollup_hour,
    day_start integer NOT NULL,
    PRIMARY KEY (account_id, day_start, bucket, key_id, member_id, kind_id)
) PARTITION BY LIST (account_id);
CREATE TABLE usage_rollup_day_everybody PARTITION OF usage_rollup_day FOR VALUES IN (0, -1) WITH (fillfactor = 60);
CREATE TABLE usage_rollup_day_each PARTITION OF usage_rollup_day DEFAULT WITH (fillfactor = 60);
COMMENT ON COLUMN usage_rollup_day.day_start IS 'At which minute after midnight UTC this day starts.';
COMMENT ON COLUMN usage_rollup_day_each.day_start IS 'At which minute after midnight UTC this day starts.';

-- Hours and minutes of all accounts at once. A BRIN index found every page that the sums of later days were still
-- to be looked for in.
CREATE INDEX usage_rollup_hour_by_time ON usage_rollup_hour_each (bucket);
CREATE INDEX usage_rollup_minute_by_time ON usage_rollup_minute_each (bucket);

CREATE TABLE usage_rollup_account_day (
    day_start             integer NOT NULL,
    bucket                timestamptz NOT NULL,
    account_id            bigint NOT NULL,
    calls                 bigint NOT NULL,
    errors                bigint NOT NULL,
    gross_microcredits    bigint NOT NULL,
    refunded_microcredits bigint NOT NULL,
    PRIMARY KEY (day_start, bucket, account_id)
) WITH (fillfactor = 60);
COMMENT ON TABLE usage_rollup_account_day IS 'An account''s day in one row, for lists of all accounts.';

-- Refunds that the sums do not have yet. They come late and change old days, so they come by a line of their own.
CREATE TABLE usage_refund_to_roll_up (
    account_id           bigint NOT NULL,
    entry                bigint NOT NULL,
    started_at           timestamptz NOT NULL,
    request_id           uuid NOT NULL,
    amount_microcredits  bigint NOT NULL,
    PRIMARY KEY (account_id, entry)
);

-- The plan that an account was on, and when. Calls are filed under the plan of the moment they started.
CREATE TABLE usage_plan_period (
    account_id  bigint NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    plan        text NOT NULL,
    PRIMARY KEY (account_id, since),
    CHECK (since < until)
);

CREATE FUNCTION usage_note_refund_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO usage_refund_to_roll_up (account_id, entry, started_at, request_id, amount_microcredits)
    SELECT NEW.account_id, NEW.entry, usage_started_at_v1(l.request_id), l.request_id, NEW.amount_microcredits
    FROM usage_ledger_entry l WHERE l.account_id = NEW.account_id AND l.entry = NEW.capture_entry;
    RETURN NULL;
END $$;
CREATE TRIGGER usage_refund_noted AFTER INSERT ON usage_refund FOR EACH ROW EXECUTE FUNCTION usage_note_refund_v1();

-- A change of plan waits for a roll-up under way, and none starts until it has committed: no call is filed under a
-- plan that a rebuild would see differently.
CREATE FUNCTION usage_note_plan_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;
CREATE TRIGGER usage_plan_noted AFTER INSERT ON accounts_account
    FOR EACH ROW EXECUTE FUNCTION usage_note_plan_v1();
CREATE TRIGGER usage_plan_change_noted AFTER UPDATE OF plan_id ON accounts_account
    FOR EACH ROW WHEN (OLD.plan_id IS DISTINCT FROM NEW.plan_id) EXECUTE FUNCTION usage_note_plan_v1();
