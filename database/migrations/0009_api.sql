-- What the HTTP API needs beside the tables: the tenant of a report, and notices for live screens.

-- A reporter has no login: the id that their phone has made opens the status of that one report.
GRANT SELECT (id, tenant_id) ON work.request TO lw_definer;
CREATE FUNCTION registry.find_report(wanted uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT tenant_id FROM work.request WHERE id = wanted;
END;
ALTER FUNCTION registry.find_report OWNER TO lw_definer;
REVOKE ALL ON FUNCTION registry.find_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION registry.find_report TO lw_app;

-- Ids only: whoever listens reads the row under row-level security. Lost when nobody listens, on purpose.
CREATE FUNCTION audit.tell_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('live', json_build_object('kind', TG_ARGV[0], 'tenant', NEW.tenant_id, 'machine', NEW.machine_id,
                                              'id', NEW.id, 'state', to_jsonb(NEW) ->> 'state')::text);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_live AFTER INSERT OR UPDATE ON work.work_order
  FOR EACH ROW EXECUTE FUNCTION audit.tell_live('order');
CREATE TRIGGER tell_live AFTER INSERT OR UPDATE OF active, acked, latched, suppression, suppressed_until, priority
  ON alarm.alarm FOR EACH ROW EXECUTE FUNCTION audit.tell_live('alarm');
