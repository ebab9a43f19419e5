-- What silences alarms by design: the machine above has stopped, or somebody has planned that this one stands.

CREATE TABLE registry.dependency (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  machine_id  uuid NOT NULL,                  -- needs …
  parent_id   uuid NOT NULL,                  -- … what this one gives: air, power, coolant, parts
  within_s    float8 NOT NULL DEFAULT 300 CHECK (within_s > 0 AND within_s <= 86400),
  causes      text[],                         -- alarms of the parent that explain it; NULL: any that asks for work
  note        text NOT NULL DEFAULT '',
  CHECK (machine_id <> parent_id),
  UNIQUE (tenant_id, machine_id, parent_id), UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES registry.machine (tenant_id, id)
);
CREATE INDEX dependency_of_parent ON registry.dependency (tenant_id, parent_id);

CREATE TABLE alarm.planned_stop (
  id          uuid PRIMARY KEY,               -- made by the client: sending twice plans once
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  machine_id  uuid NOT NULL,
  starts_at   timestamptz NOT NULL,
  ends_at     timestamptz,                    -- NULL: until somebody ends it
  reason      text NOT NULL,
  by_id       uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  ended_by    uuid,                           -- ended by hand, at `ends_at`
  CHECK (ends_at >= starts_at),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id)
);
CREATE INDEX planned_stop_by_machine ON alarm.planned_stop (tenant_id, machine_id, starts_at DESC);
CREATE INDEX planned_stop_by_time ON alarm.planned_stop (tenant_id, starts_at DESC, id);

CALL registry.guard('registry.dependency');
CALL registry.guard('alarm.planned_stop');

GRANT SELECT ON registry.dependency, alarm.planned_stop TO lw_app, lw_worker;
GRANT INSERT, DELETE ON registry.dependency TO lw_app;
GRANT INSERT, UPDATE (ends_at, ended_by) ON alarm.planned_stop TO lw_app;

-- The alarms of a machine that began in a period: parents explain children by it.
CREATE INDEX alarm_by_onset ON alarm.alarm (tenant_id, machine_id, onset_at DESC);
