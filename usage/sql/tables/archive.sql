-- Months of usage events that were written to a file and taken out of the database: what is left of them here. The
-- sums by minute, hour and day stay as they were; these rows say, to the micro-credit, what the ledger must have.

CREATE TABLE usage_archive (
    month        date PRIMARY KEY CHECK (month = date_trunc('month', month)),
    file         text NOT NULL CHECK (file <> ''),
    bytes        bigint NOT NULL CHECK (bytes > 0),
    sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    calls        bigint NOT NULL CHECK (calls >= 0),
    archived_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE usage_archive IS 'The file of each archived month (UTC), as it was when its calls were taken out.';

CREATE TABLE usage_archived_month (
    account_id             bigint NOT NULL,
    month                  date NOT NULL REFERENCES usage_archive,
    calls                  bigint NOT NULL CHECK (calls > 0),
    captures               bigint NOT NULL CHECK (captures BETWEEN 0 AND calls),
    captured_microcredits  bigint NOT NULL CHECK (captured_microcredits >= captures),
    refunded_microcredits  bigint NOT NULL CHECK (refunded_microcredits BETWEEN 0 AND captured_microcredits),
    PRIMARY KEY (account_id, month)
);
COMMENT ON TABLE usage_archived_month IS 'What the archived calls of an account came to, by the month they started in.';

CREATE TRIGGER usage_archive_append_only BEFORE UPDATE OR DELETE ON usage_archive
    FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
CREATE TRIGGER usage_archived_month_append_only BEFORE UPDATE OR DELETE ON usage_archived_month
    FOR EACH ROW EXECUTE FUNCTION usage_forbid_change_v1();
