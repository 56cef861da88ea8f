-- The database roles, created once per server by an administrator (the local stack does it by itself).
-- Passwords are not set here: locally the stack sets them, in Azure the roles sign in with Entra tokens.
--   counterfoil_migrator  owns the schema and changes it
--   counterfoil_app       what the functions connect as; never an owner, never a superuser
--   counterfoil_auditor   reads everything, changes nothing
--   counterfoil_retention drops days of access records that are archived; nothing else can
-- Time limits hang on the roles, not on start-up options: connection poolers refuse those.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'counterfoil_migrator', 'counterfoil_app', 'counterfoil_auditor', 'counterfoil_retention'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role_name);
        END IF;
        EXECUTE format('ALTER ROLE %I SET timezone = %L', role_name, 'UTC');
    END LOOP;
END
$$;
ALTER ROLE counterfoil_app SET statement_timeout = '30s';
ALTER ROLE counterfoil_app SET lock_timeout = '10s';
ALTER ROLE counterfoil_app SET idle_in_transaction_session_timeout = '60s';
-- A statement is planned once per session, whatever its values: planning took longer than running for small batches.
-- Its plan must then hold however the tables grow, also one made while they were empty: through an index, uncompiled.
ALTER ROLE counterfoil_app SET plan_cache_mode = force_generic_plan;
ALTER ROLE counterfoil_app SET enable_seqscan = off;
ALTER ROLE counterfoil_app SET jit = off;
ALTER ROLE counterfoil_auditor SET statement_timeout = '5min';
ALTER ROLE counterfoil_auditor SET default_transaction_read_only = on;
ALTER ROLE counterfoil_migrator SET lock_timeout = '5s';
ALTER ROLE counterfoil_retention SET statement_timeout = '5min';
ALTER ROLE counterfoil_retention SET lock_timeout = '5s';
