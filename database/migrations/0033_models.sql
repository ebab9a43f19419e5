-- Models as things: what was trained on what, with which figures, and which one is released.

CREATE TABLE alarm.model (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  name        text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_.:-]{0,127}$'),   -- what it is for: one of a name is released
  version     int NOT NULL,
  state       text NOT NULL DEFAULT 'trained' CHECK (state IN ('trained', 'staged', 'released', 'retired', 'rejected')),
  card        jsonb NOT NULL,
  content     bytea NOT NULL CHECK (length(content) <= 16777216),
  sha256      bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, name, version), UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX model_one_released ON alarm.model (tenant_id, name) WHERE state = 'released';
CREATE UNIQUE INDEX model_one_staged ON alarm.model (tenant_id, name) WHERE state = 'staged';
CREATE INDEX model_by_time ON alarm.model (tenant_id, created_at DESC, id);

-- Who has done what to it, and why; actor NULL: the house itself.
CREATE TABLE alarm.model_event (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  model_id    uuid NOT NULL,
  at          timestamptz NOT NULL DEFAULT now(),
  actor_id    uuid,
  action      text NOT NULL CHECK (action IN ('train', 'stage', 'release', 'replace', 'roll_back', 'restore', 'reject')),
  reason      text NOT NULL,
  FOREIGN KEY (tenant_id, model_id) REFERENCES alarm.model (tenant_id, id)
);
CREATE INDEX model_event_by_model ON alarm.model_event (tenant_id, model_id, id DESC);

CALL registry.guard('alarm.model');
CALL registry.guard('alarm.model_event');

GRANT SELECT ON alarm.model, alarm.model_event TO lw_app, lw_worker;
GRANT INSERT ON alarm.model TO lw_worker;
GRANT UPDATE (state) ON alarm.model TO lw_app, lw_worker;
GRANT INSERT ON alarm.model_event TO lw_app, lw_worker;
