-- Publish what a route costs from that hour on, until a later hour's row. Returns whether that was new; the same again
-- changes nothing, and other prices for the same hour are an error.
CREATE FUNCTION usage_publish_route_cost_v1(p_route text, p_since timestamptz, p_prices jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$;
