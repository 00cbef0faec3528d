"""People: who they are, what they may do and spend, what they did: roles, rights, tokens, budgets, audit."""
