-- Remember what a run of `reconcile` found.
CREATE FUNCTION usage_note_reconciliation_v1(p_took_ms bigint, p_disagreements bigint, p_first text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO usage_reconciliation (took_ms, disagreements, first) VALUES (p_took_ms, p_disagreements, p_first);
$$;
