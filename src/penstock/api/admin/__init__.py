"""What may an administrator do? Accounts, keys, plans, invitations and the audit log, under /api/admin."""
