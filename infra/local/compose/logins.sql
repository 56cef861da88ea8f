-- Passwords and ownership for the containers of compose.yaml, after migrations/roles.sql made the roles.
-- They are no secrets: the server is reachable from this machine only and holds development data.
ALTER ROLE counterfoil_migrator PASSWORD 'local-migrator';
ALTER ROLE counterfoil_app PASSWORD 'local-app';
ALTER ROLE counterfoil_auditor PASSWORD 'local-auditor';
ALTER ROLE counterfoil_retention PASSWORD 'local-retention';
ALTER DATABASE counterfoil OWNER TO counterfoil_migrator;
