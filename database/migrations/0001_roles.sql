-- Roles are groups of rights; who may log in with which password is decided by the installation.
--   lw_ingest   writes telemetry, reads the registry of all tenants
--   lw_worker   evaluates and dispatches for all tenants, changes rows only inside a tenant context
--   lw_app      the HTTP API: owns nothing, bypasses nothing, sees one tenant at a time
--   lw_definer  owns the few functions that look across tenants (label, login, session, samples); nobody logs in as it
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['lw_ingest', 'lw_worker', 'lw_app', 'lw_definer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', name);
    END IF;
    EXECUTE format('GRANT %I TO CURRENT_USER', name);
  END LOOP;
END $$;

CREATE SCHEMA registry;
CREATE SCHEMA telemetry;
CREATE SCHEMA alarm;
CREATE SCHEMA work;
CREATE SCHEMA audit;

GRANT USAGE ON SCHEMA registry, alarm, work, audit TO lw_ingest, lw_worker, lw_app, lw_definer;
GRANT USAGE ON SCHEMA telemetry TO lw_ingest, lw_worker, lw_app, lw_definer;
GRANT CREATE ON SCHEMA registry, telemetry TO lw_definer;

-- The tenant of this transaction; NULL (and therefore no rows) when nobody said.
CREATE FUNCTION registry.current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.tenant', true), '')::uuid;

-- Guards a tenant table: rows of the current tenant only, for everybody including the owner.
-- Ingest, the workers and the definer may look across tenants; nobody may write across them.
CREATE PROCEDURE registry.guard(guarded regclass)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
  EXECUTE format('CREATE POLICY own_tenant ON %s USING (tenant_id = registry.current_tenant())
                  WITH CHECK (tenant_id = registry.current_tenant())', guarded);
  EXECUTE format('CREATE POLICY look_across ON %s FOR SELECT TO lw_ingest, lw_worker, lw_definer USING (true)', guarded);
END $$;
