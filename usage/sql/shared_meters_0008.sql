-- A key's limits are counted where it cannot begin anew: with the first of the keys it replaced, and with those that
-- issued it (ADR 22).
ALTER TABLE usage_hold ADD COLUMN meters bigint[];
COMMENT ON COLUMN usage_hold.meters IS
    'The keys on whose meters it is counted; null where that is its own key alone.';
-- A meter may begin with a call of a key that its own one issued.
ALTER TABLE usage_key_meter ALTER COLUMN last_used_at DROP NOT NULL;
COMMENT ON TABLE usage_key_meter IS
    'Per key: calls in the running minute, and what it, its successors and the keys they issued spent or hold this day and month. A successor''s row says only when it was last used. key_id 0: sessions.';
