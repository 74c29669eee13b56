-- Sign-up grants are as old as their accounts.
UPDATE usage_grant g SET created_at = a.created_at FROM accounts_account a
WHERE a.id = g.account_id AND g.account_id = ANY (%(account_ids)s);
