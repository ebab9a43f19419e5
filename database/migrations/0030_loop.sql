-- The loop: what people found becomes the record of a rule, and its record decides how loudly a rule may speak.

ALTER TABLE alarm.alarm
  -- What the detector asked for, where its record has earned less or more; NULL: the priority that it has.
  ADD COLUMN asked             text CHECK (asked IN ('critical', 'high', 'medium', 'low', 'advisory')),
  -- Why it is suppressed by design; counts only while `suppression` says so.
  ADD COLUMN suppressed_by     text CHECK (suppressed_by IN ('pattern', 'parent', 'planned_stop')),
  ADD COLUMN suppressed_by_id  uuid,
  ADD COLUMN mode              int;           -- operating mode of the machine when it was raised; NULL: unknown
DROP INDEX alarm.alarm_shelved;
CREATE INDEX alarm_put_aside ON alarm.alarm (suppressed_until) WHERE suppression IN ('shelved', 'out_of_service');

ALTER TABLE alarm.event DROP CONSTRAINT event_action_check;
ALTER TABLE alarm.event ADD CONSTRAINT event_action_check CHECK (action IN (
  'raise', 'clear', 'ack', 'shelve', 'unshelve', 'reset', 'suppress', 'unsuppress', 'take_out', 'return_to_service'));

-- A verdict carries what it is about, so that the record of a rule needs nothing else and never moves by itself.
ALTER TABLE alarm.label
  ADD COLUMN machine_id     uuid,
  ADD COLUMN machine_class  text,
  ADD COLUMN source         text,
  ADD COLUMN model_version  text,
  ADD COLUMN cause          text,
  ADD COLUMN class          text;

CREATE FUNCTION alarm.label_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT a.machine_id, coalesce(model.machine_class, 'other'), a.source, a.model_version, a.cause, a.class
  INTO NEW.machine_id, NEW.machine_class, NEW.source, NEW.model_version, NEW.cause, NEW.class
  FROM alarm.alarm a
  JOIN registry.machine ON machine.tenant_id = a.tenant_id AND machine.id = a.machine_id
  LEFT JOIN registry.machine_model model ON model.tenant_id = machine.tenant_id AND model.id = machine.model_id
  WHERE a.tenant_id = NEW.tenant_id AND a.id = NEW.alarm_id;
  RETURN NEW;
END $$;
CREATE TRIGGER label_facts BEFORE INSERT OR UPDATE ON alarm.label FOR EACH ROW EXECUTE FUNCTION alarm.label_facts();

-- Verdicts of before; the owner is bound by the guard as everybody, so it is lifted for this one statement.
ALTER TABLE alarm.label NO FORCE ROW LEVEL SECURITY;
UPDATE alarm.label SET at = at;
ALTER TABLE alarm.label FORCE ROW LEVEL SECURITY;

-- An alarm that made no order is judged once, without one.
CREATE UNIQUE INDEX label_without_order ON alarm.label (tenant_id, alarm_id) WHERE order_id IS NULL;
CREATE INDEX label_by_rule ON alarm.label (tenant_id, source, model_version, cause, machine_class, at DESC);
CREATE INDEX label_by_time ON alarm.label (tenant_id, at);

-- How loudly a rule may speak. A rule without a row: a limit is trusted, a statistical one gives advice.
CREATE TABLE alarm.standing (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id      uuid NOT NULL REFERENCES registry.tenant,
  source         text NOT NULL,
  model_version  text NOT NULL,
  cause          text NOT NULL,
  machine_class  text NOT NULL,
  standing       text NOT NULL CHECK (standing IN ('trusted', 'advisory')),
  -- Of a trusted rule whose detector asks for nothing itself.
  priority       text NOT NULL DEFAULT 'medium' CHECK (priority IN ('high', 'medium', 'low')),
  counts_from    timestamptz,                 -- a person has decided: only later verdicts count
  since          timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, source, model_version, cause, machine_class), UNIQUE (tenant_id, id)
);

-- Every decision about a standing, and why; actor NULL: the house itself.
CREATE TABLE alarm.standing_event (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id    uuid NOT NULL REFERENCES registry.tenant,
  standing_id  uuid NOT NULL,
  at           timestamptz NOT NULL DEFAULT now(),
  actor_id     uuid,
  standing     text NOT NULL CHECK (standing IN ('trusted', 'advisory')),
  reason       text NOT NULL,
  FOREIGN KEY (tenant_id, standing_id) REFERENCES alarm.standing (tenant_id, id)
);
CREATE INDEX standing_event_by_standing ON alarm.standing_event (tenant_id, standing_id, id DESC);

-- One row a night and tenant: whoever writes it does the evaluation of that day.
CREATE TABLE alarm.evaluation (
  tenant_id      uuid NOT NULL REFERENCES registry.tenant,
  day            date NOT NULL,               -- local date of the plant's night
  at             timestamptz NOT NULL DEFAULT now(),
  worker         text NOT NULL,
  counted        int NOT NULL DEFAULT 0,
  right_ones     int NOT NULL DEFAULT 0,
  not_inspected  int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, day)
);
CREATE TABLE alarm.evaluated_rule (
  tenant_id      uuid NOT NULL REFERENCES registry.tenant,
  day            date NOT NULL,
  source         text NOT NULL,
  model_version  text NOT NULL,
  cause          text NOT NULL,
  machine_class  text NOT NULL,
  counted        int NOT NULL,
  right_ones     int NOT NULL,
  not_inspected  int NOT NULL,
  standing       text NOT NULL,
  PRIMARY KEY (tenant_id, day, source, model_version, cause, machine_class),
  FOREIGN KEY (tenant_id, day) REFERENCES alarm.evaluation (tenant_id, day)
);

-- What a person has called a false alarm of a statistical detector: it is not told again, for a while.
CREATE TABLE alarm.false_pattern (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  alarm_id    uuid NOT NULL,
  machine_id  uuid NOT NULL,
  cause       text NOT NULL,
  mode        int,                            -- NULL: in any mode
  tags        text[] NOT NULL,
  shares      float8[] NOT NULL,
  score       float8 NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz,
  revoked_by  uuid,
  UNIQUE (tenant_id, alarm_id), UNIQUE (tenant_id, id),
  CHECK (cardinality(tags) = cardinality(shares)),
  FOREIGN KEY (tenant_id, alarm_id) REFERENCES alarm.alarm (tenant_id, id)
);
CREATE INDEX false_pattern_of_cause ON alarm.false_pattern (tenant_id, machine_id, cause, expires_at)
  WHERE revoked_at IS NULL;
CREATE INDEX false_pattern_by_time ON alarm.false_pattern (tenant_id, created_at DESC, id);
CREATE INDEX alarm_of_pattern ON alarm.alarm (tenant_id, suppressed_by_id) WHERE suppressed_by_id IS NOT NULL;

CALL registry.guard('alarm.standing');
CALL registry.guard('alarm.standing_event');
CALL registry.guard('alarm.evaluation');
CALL registry.guard('alarm.evaluated_rule');
CALL registry.guard('alarm.false_pattern');

GRANT SELECT ON alarm.standing, alarm.standing_event, alarm.evaluation, alarm.evaluated_rule, alarm.false_pattern
  TO lw_app, lw_worker;
GRANT INSERT, UPDATE (standing, counts_from, since) ON alarm.standing TO lw_worker;
GRANT UPDATE (standing, counts_from, since) ON alarm.standing TO lw_app;
GRANT INSERT ON alarm.standing_event TO lw_app, lw_worker;
GRANT INSERT, UPDATE (counted, right_ones, not_inspected) ON alarm.evaluation TO lw_worker;
GRANT INSERT ON alarm.evaluated_rule TO lw_worker;
GRANT INSERT, UPDATE (mode, tags, shares, score, created_at, expires_at, revoked_at, revoked_by)
  ON alarm.false_pattern TO lw_worker;
GRANT UPDATE (revoked_at, revoked_by) ON alarm.false_pattern TO lw_app;
