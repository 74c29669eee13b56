-- Asynchronous generations. Rows here are written only by the functions in `functions/`; the application's role
-- may read. Two tables: what a task is, which changes with its state, and when a worker should look at it next,
-- which changes with every poll and is therefore kept narrow and apart.
--
-- A live task has a row in gateway_task_due, and that row is its lock: whoever changes a state locks it first, then
-- the task, then (to settle) the balance. Rows of several tasks are locked in the order of their keys.

CREATE TABLE gateway_task (
    account_id             bigint NOT NULL,
    id                     text NOT NULL CHECK (id <> ''),
    request_uuid           uuid NOT NULL,
    endpoint               text NOT NULL,
    model                  text NOT NULL,
    route                  text NOT NULL,
    adapter                text NOT NULL,
    upstream               text NOT NULL,
    rate_id                bigint NOT NULL,
    request                jsonb NOT NULL,
    parameters             jsonb NOT NULL,
    units                  jsonb NOT NULL,
    marker                 text NOT NULL,
    callback_url           text,
    state                  text NOT NULL CHECK (state IN
        ('held', 'submitting', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out')),
    upstream_reference     jsonb,
    upstream_key           text,
    results                jsonb,
    error_message          text,
    consumed_microcredits  bigint NOT NULL DEFAULT 0 CHECK (consumed_microcredits >= 0),
    polls                  integer NOT NULL DEFAULT 0,
    created_at             timestamptz NOT NULL,
    deadline_at            timestamptz NOT NULL,
    submit_attempted_at    timestamptz,
    running_at             timestamptz,
    ended_at               timestamptz,
    bodies_deleted_at      timestamptz,
    PRIMARY KEY (account_id, id),
    CHECK ((ended_at IS NULL) = (state IN ('held', 'submitting', 'running'))),
    CHECK ((results IS NOT NULL) = (state = 'succeeded')),
    CHECK ((error_message IS NOT NULL) = (state IN ('failed', 'cancelled', 'timed_out'))),
    CHECK (consumed_microcredits = 0 OR state = 'succeeded'),
    CHECK (state <> 'running' OR upstream_reference IS NOT NULL)
);
COMMENT ON COLUMN gateway_task.request_uuid IS 'The hold, and then the usage event, that pays for it.';
COMMENT ON COLUMN gateway_task.request IS 'As the caller sent it.';
COMMENT ON COLUMN gateway_task.parameters IS 'After the model''s parameter contract: what adapters are given.';
COMMENT ON COLUMN gateway_task.marker IS 'Ours, sent to the upstream so that a lost submission can be found again.';
COMMENT ON COLUMN gateway_task.upstream_key IS 'The upstream''s id, by which its webhooks name the task.';
COMMENT ON COLUMN gateway_task.submit_attempted_at IS 'When a worker last set out to ask the upstream.';
COMMENT ON COLUMN gateway_task.bodies_deleted_at IS 'When its request, parameters and results were emptied.';

-- One upstream job pays for one task: an upstream that gives an id twice is found out here.
CREATE UNIQUE INDEX gateway_task_upstream_key ON gateway_task (upstream, upstream_key)
    WHERE upstream_key IS NOT NULL;
CREATE INDEX gateway_task_listing ON gateway_task (account_id, created_at DESC, id DESC);
CREATE INDEX gateway_task_listing_endpoint ON gateway_task (account_id, endpoint, created_at DESC, id DESC);
CREATE INDEX gateway_task_listing_model ON gateway_task (account_id, model, created_at DESC, id DESC);
CREATE INDEX gateway_task_listing_live ON gateway_task (account_id, created_at DESC, id DESC)
    WHERE state IN ('held', 'submitting', 'running');
CREATE INDEX gateway_task_listing_lost ON gateway_task (account_id, created_at DESC, id DESC)
    WHERE state IN ('failed', 'cancelled', 'timed_out');
CREATE INDEX gateway_task_deadline ON gateway_task (deadline_at) WHERE ended_at IS NULL;
-- Staff look at the newest of all accounts; the accounts' own lists begin with the account.
CREATE INDEX gateway_task_newest ON gateway_task (created_at DESC, account_id, id);
-- Only what is still to be emptied: the index stays as small as the time that bodies are kept for.
CREATE INDEX gateway_task_with_bodies ON gateway_task (ended_at)
    WHERE ended_at IS NOT NULL AND bodies_deleted_at IS NULL;

CREATE TABLE gateway_task_due (
    account_id   bigint NOT NULL,
    task_id      text NOT NULL,
    upstream     text NOT NULL,
    due_at       timestamptz NOT NULL,
    deadline_at  timestamptz NOT NULL,
    lease_owner  uuid,
    hinted       boolean NOT NULL DEFAULT false,
    polls        integer NOT NULL DEFAULT 0,
    errors       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, task_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE gateway_task_due IS
    'Tasks that a worker should look at: the live ones, and ended ones whose upstream must still be told to stop.';
COMMENT ON COLUMN gateway_task_due.due_at IS 'While a worker has it (lease_owner): when its lease ends.';
COMMENT ON COLUMN gateway_task_due.hinted IS 'The upstream called while a worker had it: look again at once.';
COMMENT ON COLUMN gateway_task_due.errors IS 'Steps in a row that led nowhere.';
CREATE INDEX gateway_task_due_next ON gateway_task_due (upstream, due_at);

CREATE TABLE gateway_task_event (
    account_id  bigint NOT NULL,
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    task_id     text NOT NULL,
    type        text NOT NULL CHECK (type IN ('task.succeeded', 'task.failed')),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE gateway_task_event IS 'Ends of tasks, for whoever wants to be told; written with the end itself.';
CREATE INDEX gateway_task_event_order ON gateway_task_event (account_id, created_at DESC, id DESC);
CREATE INDEX gateway_task_event_task ON gateway_task_event (account_id, task_id);

-- The last guard, whatever a function above it may get wrong: no state follows another that it may not follow.
CREATE FUNCTION gateway_guard_task_state_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('held', 'submitting'), ('held', 'failed'), ('held', 'cancelled'), ('held', 'timed_out'),
        ('submitting', 'held'), ('submitting', 'running'), ('submitting', 'failed'), ('submitting', 'cancelled'),
        ('submitting', 'timed_out'),
        ('running', 'succeeded'), ('running', 'failed'), ('running', 'cancelled'), ('running', 'timed_out')
    ) THEN
        RAISE EXCEPTION 'a task cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gateway_task_state BEFORE UPDATE OF state ON gateway_task
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION gateway_guard_task_state_v1();

-- Which task an Idempotency-Key stands for. Written by the transaction that opens the task, so whatever dies after
-- it, a repeat finds the task; and one key can open one task only, because a second row is refused here.
CREATE TABLE gateway_task_idempotency (
    account_id       bigint NOT NULL,
    idempotency_key  text NOT NULL,
    fingerprint      bytea NOT NULL,
    task_id          text NOT NULL,
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
);
COMMENT ON COLUMN gateway_task_idempotency.fingerprint IS 'Of the request that opened it; another body is refused.';
CREATE INDEX gateway_task_idempotency_expiry ON gateway_task_idempotency (expires_at);

REVOKE INSERT, UPDATE, DELETE ON gateway_task, gateway_task_due, gateway_task_event, gateway_task_idempotency FROM aio_app;
