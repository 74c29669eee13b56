-- Give back part or all of a capture. The sum of a capture's refunds never exceeds it; a repeat under the same
-- idempotency key returns the first refund's entry. The event shows what was given back; one that is archived cannot, and
-- its sums could not be found again by key, model and hour, so such a call is not refunded: its account may be given a grant.
CREATE FUNCTION usage_refund_v2(
    p_account_id bigint, p_started_at timestamptz, p_request_id uuid, p_amount bigint, p_reason text, p_actor text,
    p_idempotency_key text
) RETURNS TABLE (entry bigint, available bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;
