-- Release every hold past its expiry, at most `p_limit` of them; returns how many. A gateway that was killed left
-- them; the trial slot goes back. Holds being settled at this moment are passed over.
CREATE FUNCTION usage_expire_holds_v1(p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;
