-- Make the month partitions of usage_event from this month to `p_months_ahead` later, and those of any month that
-- has rows in the default partition, which are moved. Returns how many were made. Safe to run beside a running
-- gateway and twice.
--
-- Months that are archived get none again: a call of then that is settled now stays in the default partition, where
-- it is charged and counted like any other.
CREATE FUNCTION usage_make_partitions_v2(p_months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    month date;
    name text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usage_make_partitions'));
    FOR month IN
        SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                               date_trunc('month', now() AT TIME ZONE 'UTC') + p_months_ahead * interval '1 month',
                               interval '1 month')::date
        UNION SELECT date_trunc('month', started_at AT TIME ZONE 'UTC')::date FROM usage_event_default
        WHERE started_at >= coalesce((SELECT s.events_from FROM usage_rollup_state s), '-infinity')
        ORDER BY 1
    LOOP
        name := 'usage_event_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
        -- ATTACH takes this lock anyway; taken now, no row can fall into the default partition in between.
        LOCK TABLE usage_event_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE public.%I (LIKE usage_event INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM usage_event_default WHERE started_at >= %L AND started_at < %L RETURNING *)
             INSERT INTO public.%I SELECT * FROM moved',
            month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC', name);
        EXECUTE format('ALTER TABLE usage_event ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name,
                       month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON public.%I FROM aio_app', name);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- As usage_make_partitions_v2, but it gives up rather than have anybody wait behind it: who waits for a table, behind
-- a dump that reads it for an hour, has all wait that come after.
CREATE FUNCTION usage_make_partitions_if_free_v2(p_months_ahead integer) RETURNS integer
LANGUAGE sql SET lock_timeout = '100ms' AS $$
    SELECT usage_make_partitions_v2(p_months_ahead)
$$;
