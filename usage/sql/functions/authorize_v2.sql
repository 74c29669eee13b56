-- One verdict a call, in the order of the input, and the hold where the verdict is 'admitted'.
--
-- Every array has one element a call. A call names a key by its digest, or (from a signed-in browser) an account
-- and a member. Refusals are decided in the documented order: key, account, scope, minute rate, trial, caps,
-- balance; a refused call takes no rate slot and no trial slot. `available` and `held` are the account's after the
-- call's own hold, if it got one; `allowance` is what the limit that refused it had left (for a trial: its calls a day).
--
-- Balances are locked in account order before anything is read that depends on them, so batches of several
-- processes line up instead of deadlocking, and the rows of an account's keys and trial need no lock of their own.
--
-- A minute begins with its first call (see ADR 8). A limit is counted where the limited key cannot begin anew (see ADR 22). Keys that replaced one another share one
-- meter, the row of the first of them: one minute, one cap. What a key was issued by, and whatever gave it more later,
-- is in `issuer_roots`: its calls count against the caps of those too. Keys that neither replaced one nor were issued
-- by one take the same steps as ever; only for the others is more looked up.
CREATE FUNCTION usage_authorize_v2(
    p_request_ids uuid[], p_key_digests bytea[], p_account_ids bigint[], p_member_ids bigint[],
    p_addresses inet[], p_endpoints text[], p_models text[], p_routes text[], p_rate_ids bigint[],
    p_ceilings bigint[], p_started_at_ms bigint[], p_ttl_s integer[]
) RETURNS TABLE (
    verdict text, account_id bigint, key_id bigint, available bigint, held bigint, allowance bigint,
    minute_limit integer, minute_remaining integer, minute_reset_s integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
-- Planned once: a custom plan costs more than carrying it out.
SET plan_cache_mode = force_generic_plan AS $$
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
END $$;

-- By its first name too: tasks are opened through it, and processes of the release before may run beside this one.
CREATE FUNCTION usage_authorize_v1(
    p_request_ids uuid[], p_key_digests bytea[], p_account_ids bigint[], p_member_ids bigint[],
    p_addresses inet[], p_endpoints text[], p_models text[], p_routes text[], p_rate_ids bigint[],
    p_ceilings bigint[], p_started_at_ms bigint[], p_ttl_s integer[]
) RETURNS TABLE (
    verdict text, account_id bigint, key_id bigint, available bigint, held bigint, allowance bigint,
    minute_limit integer, minute_remaining integer, minute_reset_s integer
) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT * FROM usage_authorize_v2(p_request_ids, p_key_digests, p_account_ids, p_member_ids, p_addresses,
        p_endpoints, p_models, p_routes, p_rate_ids, p_ceilings, p_started_at_ms, p_ttl_s)
$$;
