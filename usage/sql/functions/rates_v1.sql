-- Publish a rate: the id of the newest version with these prices, or of a new version where they differ.
CREATE FUNCTION usage_publish_rate_v1(p_name text, p_prices jsonb) RETURNS TABLE (id bigint, version integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    newest usage_rate;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage_publish_rate'), hashtext(p_name));
    SELECT * INTO newest FROM usage_rate r WHERE r.name = p_name ORDER BY r.version DESC LIMIT 1;
    IF newest.id IS NOT NULL AND newest.prices = p_prices THEN
        RETURN QUERY SELECT newest.id, newest.version;
        RETURN;
    END IF;
    RETURN QUERY INSERT INTO usage_rate AS r (name, version, prices)
    VALUES (p_name, coalesce(newest.version, 0) + 1, p_prices) RETURNING r.id, r.version;
END $$;
