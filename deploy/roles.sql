-- One role per service, each owning the schema of its name; a role without login that owns the vault.
-- Run once per database, as a superuser, before the first start. Safe to repeat. The passwords come as settings:
--
--   psql -v ON_ERROR_STOP=1 -d lethe -c "SET lethe.password_intake = '…'" -c "SET lethe.password_orchestrator = '…'" \
--        -c "SET lethe.password_erasure_worker = '…'" -c "SET lethe.password_export_worker = '…'" \
--        -c "SET lethe.password_breach_notifier = '…'" -f deploy/roles.sql
--
-- A service makes its own tables when it starts. The vault's are made by `lethe_vault.install`, which also lets the services call
-- the vault's functions; none of them may touch its tables.
DO $$
DECLARE
    service text;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;

    FOREACH service IN ARRAY ARRAY['intake', 'orchestrator', 'erasure_worker', 'export_worker', 'breach_notifier'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN
            EXECUTE format('CREATE ROLE %I', service);
        END IF;
        EXECUTE format(
            'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD %L',
            service, current_setting('lethe.password_' || service)
        );
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), service);
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
    END LOOP;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lethe_vault') THEN
        CREATE ROLE lethe_vault NOLOGIN;
    END IF;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO lethe_vault', current_database());
END
$$;
