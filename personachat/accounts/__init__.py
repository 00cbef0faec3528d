"""Who people are, what they may do and spend, and what was done: roles, rights, tokens, budgets, audit."""
