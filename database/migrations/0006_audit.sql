-- Events that matter: written in the transaction of the change, read once per consumer, woken by NOTIFY.

CREATE TABLE audit.outbox (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  consumer    text NOT NULL,
  topic       text NOT NULL,        -- alarm.raised, alarm.cleared, order.changed, verdict.given, report.received
  key         text NOT NULL,        -- idempotency: the same key is handled once
  payload     jsonb NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  not_before  timestamptz NOT NULL DEFAULT now(),
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (consumer, key)
);
CREATE INDEX outbox_due ON audit.outbox (consumer, not_before, id);

CREATE FUNCTION audit.wake_consumer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('outbox_' || NEW.consumer, '');
  RETURN NULL;
END $$;
CREATE TRIGGER wake_consumer AFTER INSERT ON audit.outbox FOR EACH ROW EXECUTE FUNCTION audit.wake_consumer();

CALL registry.guard('audit.outbox');
GRANT SELECT, INSERT ON audit.outbox TO lw_worker;
GRANT INSERT ON audit.outbox TO lw_app;
-- A consumer takes events of all tenants; what it then changes, it changes inside that tenant's context.
CREATE POLICY consume ON audit.outbox FOR ALL TO lw_worker USING (true) WITH CHECK (tenant_id = registry.current_tenant());
GRANT UPDATE (attempts, not_before), DELETE ON audit.outbox TO lw_worker;
