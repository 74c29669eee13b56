-- The application's role: reads everything, writes what is not money, and changes the books only by calling
-- the functions, which run as their owner.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'aio_app') THEN
        BEGIN
            CREATE ROLE aio_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles are the whole server's, and another of its databases was migrated at the same moment
        END;
    END IF;
    -- A superuser needs no membership to take the role; any other owner does.
    EXECUTE format('GRANT aio_app TO %I', current_user);
END $$;
GRANT USAGE ON SCHEMA public TO aio_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO aio_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO aio_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO aio_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO aio_app;
REVOKE INSERT, UPDATE, DELETE ON usage_rate, usage_balance, usage_grant, usage_hold, usage_ledger_entry,
    usage_refund, usage_event, usage_event_default, usage_key_meter, usage_trial_day, usage_refusal,
    usage_idempotent_call FROM aio_app;

-- Functions are for the application's role alone: another role that may connect must not be able to give credits.
DO $$
DECLARE
    callable regprocedure;
BEGIN
    FOR callable IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'usage\_%'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', callable);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO aio_app', callable);
    END LOOP;
END $$;
