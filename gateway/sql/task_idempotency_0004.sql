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
REVOKE INSERT, UPDATE, DELETE ON gateway_task_idempotency FROM aio_app;
