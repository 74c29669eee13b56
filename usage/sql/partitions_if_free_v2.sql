-- As usage_make_partitions_v2, but it gives up rather than have anybody wait behind it: who waits for a table, behind
-- a dump that reads it for an hour, has all wait that come after.
CREATE FUNCTION usage_make_partitions_if_free_v2(p_months_ahead integer) RETURNS integer
LANGUAGE sql SET lock_timeout = '100ms' AS $$
    SELECT usage_make_partitions_v2(p_months_ahead)
$$;
REVOKE EXECUTE ON FUNCTION usage_make_partitions_if_free_v2 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usage_make_partitions_if_free_v2 TO aio_app;
-- The first version made none ahead.
DROP FUNCTION usage_make_partitions_if_free_v1;
