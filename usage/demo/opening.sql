-- The books of new made-up accounts: a balance each, and the plans they were on instead of the one they are on.
SELECT usage_open_balance_v1(account_id) FROM unnest(%(account_ids)s::bigint[]) AS account_id;
DELETE FROM usage_plan_period WHERE account_id = ANY (%(account_ids)s);
INSERT INTO usage_plan_period (account_id, since, until, plan)
SELECT * FROM unnest(%(period_accounts)s::bigint[], %(period_since)s::timestamptz[], %(period_until)s::timestamptz[],
                     %(period_plans)s::text[]);
