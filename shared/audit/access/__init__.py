"""Access records: who looked at what; their seals in the chain `access`, their archive and their end."""
