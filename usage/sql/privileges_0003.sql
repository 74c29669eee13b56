-- The application's role reads the sums and changes them only by calling the functions beside this file.
REVOKE INSERT, UPDATE, DELETE ON usage_rollup_state, usage_call_kind, usage_rollup_minute, usage_rollup_hour,
    usage_rollup_day, usage_rollup_account_day, usage_refund_to_roll_up, usage_plan_period,
    usage_route_cost FROM aio_app;
REVOKE EXECUTE ON FUNCTION usage_add_to_rollups_v1, usage_add_refunds_to_rollups_v1, usage_note_refund_v1,
    usage_note_plan_v1, usage_rollup_statement_v1, usage_roll_up_v1, usage_reset_rollups_v1, usage_forget_rollups_v1,
    usage_latency_mark_v1, usage_publish_route_cost_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usage_roll_up_v1, usage_reset_rollups_v1, usage_forget_rollups_v1, usage_latency_mark_v1,
    usage_publish_route_cost_v1 TO aio_app;
