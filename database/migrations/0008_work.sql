-- Reports and work orders. The order row is what the events add up to; the events are what happened.

CREATE TABLE work.counter (
  tenant_id  uuid PRIMARY KEY REFERENCES registry.tenant,
  last_no    int NOT NULL DEFAULT 0
);

CREATE TABLE work.work_order (
  id            uuid PRIMARY KEY,
  tenant_id     uuid NOT NULL REFERENCES registry.tenant,
  no            int NOT NULL,
  machine_id    uuid NOT NULL,
  type          text NOT NULL CHECK (type IN ('corrective', 'preventive', 'inspection', 'improvement')),
  priority      text NOT NULL CHECK (priority IN ('critical', 'high', 'medium', 'low', 'advisory')),
  state         text NOT NULL,
  title         text NOT NULL,
  source        text NOT NULL CHECK (source IN ('alarm', 'report', 'person')),
  source_id     uuid NOT NULL,
  cause         text,                 -- failure hypothesis; NULL: nobody has one yet
  assignee_id   uuid,
  detected_at   timestamptz,
  reported_at   timestamptz NOT NULL,
  assigned_at   timestamptz,
  accepted_at   timestamptz,
  arrived_at    timestamptz,
  completed_at  timestamptz,
  verified_at   timestamptz,
  closed_at     timestamptz,
  cancelled_at  timestamptz,
  verdict       text,
  reassign_count int NOT NULL DEFAULT 0,
  rework_count  int NOT NULL DEFAULT 0,
  reopen_count  int NOT NULL DEFAULT 0,
  version       int NOT NULL DEFAULT 1,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, no), UNIQUE (tenant_id, id), UNIQUE (tenant_id, source, source_id),
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id),
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES registry.person (tenant_id, id)
);
CREATE UNIQUE INDEX work_order_one_open ON work.work_order (tenant_id, machine_id, cause)
  WHERE cause IS NOT NULL AND state NOT IN ('CLOSED', 'CANCELLED');
CREATE INDEX work_order_by_state ON work.work_order (tenant_id, state, reported_at DESC, id);
CREATE INDEX work_order_by_time ON work.work_order (tenant_id, reported_at DESC, id);
CREATE INDEX work_order_by_machine ON work.work_order (tenant_id, machine_id, reported_at DESC);
CREATE INDEX work_order_by_assignee ON work.work_order (tenant_id, assignee_id, reported_at DESC)
  WHERE assignee_id IS NOT NULL;

-- Append-only, chained by hash within an order.
CREATE TABLE work.event (
  tenant_id    uuid NOT NULL REFERENCES registry.tenant,
  order_id     uuid NOT NULL,
  seq          int NOT NULL,
  request_id   uuid NOT NULL,          -- made by the client: a repeated send is recognised
  action       text NOT NULL,
  from_state   text,
  to_state     text NOT NULL,
  actor_id     uuid,                   -- NULL: the house itself
  actor_name   text NOT NULL,
  device_time  timestamptz,
  server_time  timestamptz NOT NULL,
  reason       text,
  data         jsonb NOT NULL DEFAULT '{}',
  hash_prev    bytea NOT NULL,
  hash         bytea NOT NULL,
  PRIMARY KEY (tenant_id, order_id, seq), UNIQUE (tenant_id, request_id),
  FOREIGN KEY (tenant_id, order_id) REFERENCES work.work_order (tenant_id, id)
);

CREATE TABLE work.request (
  id            uuid PRIMARY KEY,      -- made by the phone, so sending twice reports once
  tenant_id     uuid NOT NULL REFERENCES registry.tenant,
  machine_id    uuid NOT NULL,
  label_id      uuid,
  symptom       text NOT NULL,
  text          text NOT NULL DEFAULT '',
  reporter      text NOT NULL DEFAULT '',
  language      text NOT NULL DEFAULT 'zh-CN',
  state         text NOT NULL DEFAULT 'SUBMITTED' CHECK (state IN ('SUBMITTED', 'TRIAGED', 'CONVERTED', 'MERGED', 'REJECTED')),
  order_id      uuid,
  reported_at   timestamptz NOT NULL DEFAULT now(),
  device_time   timestamptz,
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id),
  FOREIGN KEY (tenant_id, order_id) REFERENCES work.work_order (tenant_id, id)
);
CREATE INDEX request_by_machine ON work.request (tenant_id, machine_id, reported_at DESC);
CREATE INDEX request_by_order ON work.request (tenant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE work.attachment (
  id            uuid PRIMARY KEY,
  tenant_id     uuid NOT NULL REFERENCES registry.tenant,
  request_id    uuid,
  order_id      uuid,
  kind          text NOT NULL CHECK (kind IN ('photo', 'voice')),
  content_type  text NOT NULL,
  sha256        bytea NOT NULL,
  content       bytea NOT NULL CHECK (length(content) <= 4194304),
  created_at    timestamptz NOT NULL DEFAULT now(),
  CHECK (request_id IS NOT NULL OR order_id IS NOT NULL),
  FOREIGN KEY (tenant_id, request_id) REFERENCES work.request (tenant_id, id),
  FOREIGN KEY (tenant_id, order_id) REFERENCES work.work_order (tenant_id, id)
);
CREATE INDEX attachment_by_request ON work.attachment (tenant_id, request_id);
CREATE INDEX attachment_by_order ON work.attachment (tenant_id, order_id) WHERE order_id IS NOT NULL;

CALL registry.guard('work.counter');
CALL registry.guard('work.work_order');
CALL registry.guard('work.event');
CALL registry.guard('work.request');
CALL registry.guard('work.attachment');

GRANT SELECT, INSERT, UPDATE ON work.counter, work.work_order, work.request TO lw_app, lw_worker;
GRANT SELECT, INSERT ON work.event, work.attachment TO lw_app, lw_worker;
