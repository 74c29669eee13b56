-- Telling customers how their tasks ended, and the results that are kept for them. None of it is money: the
-- application's role writes these tables itself.

CREATE TABLE gateway_callback_endpoint (
    account_id       bigint PRIMARY KEY,
    url              text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    disabled_at      timestamptz,
    disabled_reason  text,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
COMMENT ON TABLE gateway_callback_endpoint IS 'Where an account wants to hear of every task''s end.';

CREATE TABLE gateway_callback_secret (
    account_id  bigint NOT NULL,
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    sealed      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    PRIMARY KEY (account_id, id)
);
COMMENT ON COLUMN gateway_callback_secret.sealed IS 'Encrypted with a key made from SECRET_KEY.';
CREATE UNIQUE INDEX gateway_callback_secret_current ON gateway_callback_secret (account_id) WHERE expires_at IS NULL;

CREATE TABLE gateway_callback_delivery (
    account_id  bigint NOT NULL,
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    event_id    uuid NOT NULL,
    task_id     text NOT NULL,
    type        text NOT NULL,
    target      text NOT NULL CHECK (target IN ('task', 'endpoint')),
    url         text NOT NULL,
    state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'stopped')),
    attempts    integer NOT NULL DEFAULT 0,
    tries       integer NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL,
    event_at    timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, event_id, target),
    CHECK ((ended_at IS NULL) = (state = 'pending'))
);
COMMENT ON COLUMN gateway_callback_delivery.target IS 'The task''s own callback_url, or the account''s endpoint.';
COMMENT ON COLUMN gateway_callback_delivery.attempts IS 'Of all times, and the number of the newest.';
COMMENT ON COLUMN gateway_callback_delivery.tries IS 'Attempts since it was made or last sent again: its place in the schedule.';
COMMENT ON COLUMN gateway_callback_delivery.due_at IS 'The next attempt; during one, when whoever makes it counts as lost.';
-- By account first: one account's backlog must not stand before another's single event.
CREATE INDEX gateway_callback_delivery_due ON gateway_callback_delivery (account_id, due_at) WHERE state = 'pending';
CREATE INDEX gateway_callback_delivery_listing ON gateway_callback_delivery (account_id, created_at DESC, id DESC);
CREATE INDEX gateway_callback_delivery_by_state
    ON gateway_callback_delivery (account_id, state, created_at DESC, id DESC);
CREATE INDEX gateway_callback_delivery_task ON gateway_callback_delivery (account_id, task_id);
-- For staff, who look at the newest of all accounts, and for deleting what ended long ago.
CREATE INDEX gateway_callback_delivery_newest ON gateway_callback_delivery (created_at DESC, account_id, id);
CREATE INDEX gateway_callback_delivery_ended ON gateway_callback_delivery (ended_at) WHERE state <> 'pending';

CREATE TABLE gateway_callback_attempt (
    account_id   bigint NOT NULL,
    delivery_id  uuid NOT NULL,
    number       integer NOT NULL,
    url          text NOT NULL,
    started_at   timestamptz NOT NULL,
    duration_ms  integer,
    status       smallint,
    error        text,
    response     text CHECK (octet_length(response) <= 4096),
    PRIMARY KEY (account_id, delivery_id, number)
);
COMMENT ON COLUMN gateway_callback_attempt.duration_ms IS 'Null while it runs, and for good when its worker was lost.';

-- The deliveries of an event are made by the statement that writes the event, so there is no moment at which a
-- task has ended and nobody will be told.
CREATE FUNCTION gateway_make_callbacks_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO gateway_callback_delivery (account_id, event_id, task_id, type, target, url, due_at, event_at, created_at)
    SELECT e.account_id, e.id, e.task_id, e.type, w.target, w.url, now(), e.created_at, clock_timestamp()
    FROM written e
    JOIN LATERAL (
        SELECT 'task' AS target, t.callback_url AS url
        FROM gateway_task t
        WHERE t.account_id = e.account_id AND t.id = e.task_id AND t.callback_url IS NOT NULL
        UNION ALL
        -- Somebody who gave the same URL twice is told once.
        SELECT 'endpoint', p.url
        FROM gateway_callback_endpoint p
        WHERE p.account_id = e.account_id AND p.disabled_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM gateway_task t
            WHERE t.account_id = e.account_id AND t.id = e.task_id AND t.callback_url = p.url)
    ) w ON true;
    RETURN NULL;
END $$;
CREATE TRIGGER gateway_task_event_callbacks AFTER INSERT ON gateway_task_event
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION gateway_make_callbacks_v1();

CREATE TABLE gateway_result (
    id            uuid PRIMARY KEY,
    account_id    bigint NOT NULL,
    task_id       text NOT NULL,
    storage_name  text NOT NULL,
    file_name     text NOT NULL,
    content_type  text,
    size_bytes    bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    CHECK ((content_type IS NULL) = (size_bytes IS NULL))
);
COMMENT ON TABLE gateway_result IS 'Result files in our storage. The row is written before the file, so no file is forgotten.';
COMMENT ON COLUMN gateway_result.size_bytes IS 'Null until the file is whole.';
CREATE INDEX gateway_result_expiry ON gateway_result (expires_at);
CREATE INDEX gateway_result_task ON gateway_result (account_id, task_id);
