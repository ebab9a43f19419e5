-- Alarms as orthogonal facts (ISA-18.2), one active case a machine and cause, evidence frozen with a hash.

CREATE TABLE alarm.limit_rule (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id    uuid NOT NULL REFERENCES registry.tenant,
  tag_id       uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('high_high', 'high', 'low', 'low_low')),
  threshold    float8 NOT NULL,
  deadband     float8 NOT NULL DEFAULT 0 CHECK (deadband >= 0),   -- in the tag's unit
  on_delay_s   float8 NOT NULL DEFAULT 0 CHECK (on_delay_s >= 0),
  off_delay_s  float8 NOT NULL DEFAULT 0 CHECK (off_delay_s >= 0),
  priority     text NOT NULL DEFAULT 'high' CHECK (priority IN ('critical', 'high', 'medium', 'low', 'advisory')),
  cause        text NOT NULL,          -- failure hypothesis: rules with one cause make one case
  enabled      boolean NOT NULL DEFAULT true,
  UNIQUE (tenant_id, tag_id, kind),
  FOREIGN KEY (tenant_id, tag_id) REFERENCES registry.tag (tenant_id, id)
);

CREATE TABLE alarm.alarm (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id         uuid NOT NULL REFERENCES registry.tenant,
  machine_id        uuid NOT NULL,
  cause             text NOT NULL,
  class             text NOT NULL CHECK (class IN ('machine', 'sensor', 'process')),
  source            text NOT NULL CHECK (source IN ('limit', 'statistical')),
  model_version     text NOT NULL,
  priority          text NOT NULL CHECK (priority IN ('critical', 'high', 'medium', 'low', 'advisory')),
  onset_at          timestamptz NOT NULL,      -- source time of the first sample beyond
  raised_at         timestamptz NOT NULL DEFAULT now(),
  cleared_at        timestamptz,
  active            boolean NOT NULL DEFAULT true,
  acked             boolean NOT NULL DEFAULT false,
  latched           boolean NOT NULL DEFAULT false,
  suppression       text NOT NULL DEFAULT 'none' CHECK (suppression IN ('none', 'shelved', 'by_design', 'out_of_service')),
  suppressed_until  timestamptz,
  score             float8 NOT NULL,
  contributions     jsonb NOT NULL,            -- [{"tag": slug, "share": 0..1}], root first
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id)
);
CREATE UNIQUE INDEX alarm_one_case ON alarm.alarm (tenant_id, machine_id, cause) WHERE active;
CREATE INDEX alarm_by_time ON alarm.alarm (tenant_id, raised_at DESC, id);
CREATE INDEX alarm_by_machine ON alarm.alarm (tenant_id, machine_id, raised_at DESC);
CREATE INDEX alarm_shelved ON alarm.alarm (suppressed_until) WHERE suppression = 'shelved';

CREATE TABLE alarm.event (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES registry.tenant,
  alarm_id   uuid NOT NULL,
  at         timestamptz NOT NULL DEFAULT now(),
  actor_id   uuid,
  action     text NOT NULL CHECK (action IN ('raise', 'clear', 'ack', 'shelve', 'unshelve', 'reset')),
  detail     jsonb NOT NULL DEFAULT '{}',
  FOREIGN KEY (tenant_id, alarm_id) REFERENCES alarm.alarm (tenant_id, id)
);
CREATE INDEX alarm_event_by_alarm ON alarm.event (tenant_id, alarm_id, id);

CREATE TABLE alarm.evidence (
  alarm_id   uuid PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES registry.tenant,
  frozen_at  timestamptz NOT NULL DEFAULT now(),
  snapshot   text NOT NULL,        -- canonical JSON, exactly the bytes that were hashed
  sha256     bytea NOT NULL,
  FOREIGN KEY (tenant_id, alarm_id) REFERENCES alarm.alarm (tenant_id, id)
);

-- What the person who looked found: the detector's teacher.
CREATE TABLE alarm.label (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id  uuid NOT NULL REFERENCES registry.tenant,
  alarm_id   uuid NOT NULL,
  order_id   uuid,
  verdict    text NOT NULL CHECK (verdict IN ('confirmed_functional', 'confirmed_incipient', 'process_change',
                                              'sensor_fault', 'false_alarm', 'not_inspected')),
  by_id      uuid NOT NULL,
  at         timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, alarm_id, order_id),
  FOREIGN KEY (tenant_id, alarm_id) REFERENCES alarm.alarm (tenant_id, id)
);

-- What a detector learned, so that a restart forgets nothing.
CREATE TABLE alarm.detector_state (
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  machine_id  uuid NOT NULL,
  detector    text NOT NULL,
  version     text NOT NULL,
  state       bytea NOT NULL,
  saved_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, machine_id, detector)
);

CALL registry.guard('alarm.limit_rule');
CALL registry.guard('alarm.alarm');
CALL registry.guard('alarm.event');
CALL registry.guard('alarm.evidence');
CALL registry.guard('alarm.label');
CALL registry.guard('alarm.detector_state');

GRANT SELECT ON ALL TABLES IN SCHEMA alarm TO lw_app, lw_worker;
GRANT INSERT, UPDATE, DELETE ON alarm.limit_rule TO lw_app;
GRANT UPDATE (acked, suppression, suppressed_until) ON alarm.alarm TO lw_app;
GRANT INSERT ON alarm.event, alarm.label TO lw_app;
-- Work that was rejected is completed again, and then the later verdict counts.
GRANT UPDATE (verdict, by_id, at) ON alarm.label TO lw_app, lw_worker;
GRANT INSERT, UPDATE ON alarm.alarm, alarm.detector_state TO lw_worker;
GRANT INSERT ON alarm.event, alarm.evidence, alarm.label TO lw_worker;
