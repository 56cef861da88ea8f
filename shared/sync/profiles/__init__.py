"""Contract profiles: how a producer's events say what the contract asks for; data, one file per profile."""
