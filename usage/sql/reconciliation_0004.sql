-- What the runs of `reconcile` found, for those who ask later.
CREATE TABLE usage_reconciliation (
    checked_at     timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    took_ms        bigint NOT NULL CHECK (took_ms >= 0),
    disagreements  bigint NOT NULL CHECK (disagreements >= 0),
    first          text
);
COMMENT ON COLUMN usage_reconciliation.first IS 'The first disagreement in words; null where the books agreed.';

CREATE FUNCTION usage_note_reconciliation_v1(p_took_ms bigint, p_disagreements bigint, p_first text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO usage_reconciliation (took_ms, disagreements, first) VALUES (p_took_ms, p_disagreements, p_first);
$$;
REVOKE INSERT, UPDATE, DELETE ON usage_reconciliation FROM aio_app;
REVOKE EXECUTE ON FUNCTION usage_note_reconciliation_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usage_note_reconciliation_v1 TO aio_app;
