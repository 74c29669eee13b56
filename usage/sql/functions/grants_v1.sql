-- Take the captures since the last time off the expiring grants, the one that expires first before the others.
-- The caller holds the balance's lock. Between two calls the set of grants does not change, so doing it late
-- gives what doing it at each capture would have given.
CREATE FUNCTION usage_settle_lots_v1(p_account_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;

-- Make the balance of an account that has none; every call of an account without one is refused.
-- Like every error here, an unknown account names the rule it breaks as its constraint.
CREATE FUNCTION usage_open_balance_v1(p_account_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM accounts_account WHERE id = p_account_id) THEN
        RAISE EXCEPTION 'there is no such account'
            USING ERRCODE = 'no_data_found', CONSTRAINT = 'usage_account_known';
    END IF;
    INSERT INTO usage_balance (account_id) VALUES (p_account_id) ON CONFLICT DO NOTHING;
END $$;

-- Give credits. Spendable when this commits. With an idempotency key a repeat returns the first grant's entry;
-- another amount or expiry under the same key is an error.
CREATE FUNCTION usage_grant_v1(
    p_account_id bigint, p_amount bigint, p_reason text, p_actor text, p_expires_at timestamptz,
    p_idempotency_key text
) RETURNS TABLE (entry bigint, available bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;

-- Take back what is left of grants past their expiry; null means every account that has one due. What a hold keeps
-- stays until the hold ends, and a hold taken before the expiry keeps the credits that were to expire first, as its
-- capture would have spent them. Returns how many ledger entries that made.
CREATE FUNCTION usage_expire_grants_v1(p_account_ids bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;
