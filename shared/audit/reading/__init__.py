"""Reading the audit record: entries and access records of the sites a caller may see, verified, exported, archived."""
