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
-- The audit log is append-only.
REVOKE UPDATE, DELETE ON accounts_auditentry FROM aio_app;
DO $$
DECLARE
    book regclass;
BEGIN
    FOR book IN SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'usage\_%'
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %s FROM aio_app', book);
    END LOOP;
END $$;

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
-- These are called by the other functions, by triggers and by the database's owner.
REVOKE EXECUTE ON FUNCTION usage_add_to_rollups_v2, usage_add_refunds_to_rollups_v2, usage_rollup_statement_v2,
    usage_coarse_outcome_v1, usage_note_refund_v1, usage_note_plan_v1, usage_archive_month_v1, usage_refuse_unfinished_v1
    FROM aio_app;
