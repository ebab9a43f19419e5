-- Who and what there is: tenants, people, sites, machines, tags, gateways, labels.

CREATE TABLE registry.tenant (
  tenant_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  slug        text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
  name        text NOT NULL,
  kind        text NOT NULL DEFAULT 'owner' CHECK (kind IN ('owner', 'vendor', 'lessor', 'service', 'park')),
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE registry.person (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id      uuid NOT NULL REFERENCES registry.tenant,
  login          text NOT NULL UNIQUE CHECK (length(login) BETWEEN 1 AND 64),
  name           text NOT NULL,
  password_hash  text NOT NULL,                      -- argon2id, PHC string
  roles          text[] NOT NULL CHECK (roles <@ ARRAY['operator', 'technician', 'planner', 'admin', 'vendor']),
  language       text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en')),
  disabled_at    timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id)
);

CREATE TABLE registry.session (
  token_sha256  bytea PRIMARY KEY,
  tenant_id     uuid NOT NULL,
  person_id     uuid NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, person_id) REFERENCES registry.person (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE registry.site (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  slug        text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  name        text NOT NULL,
  UNIQUE (tenant_id, slug), UNIQUE (tenant_id, id)
);

CREATE TABLE registry.machine_model (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id      uuid NOT NULL REFERENCES registry.tenant,
  slug           text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  name           text NOT NULL,
  maker          text NOT NULL DEFAULT '',
  machine_class  text NOT NULL CHECK (machine_class IN ('compressor', 'pump', 'spindle', 'press', 'other')),
  UNIQUE (tenant_id, slug), UNIQUE (tenant_id, id)
);

CREATE TABLE registry.machine (
  id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id        uuid NOT NULL REFERENCES registry.tenant,
  slug             text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  name             text NOT NULL,
  site_id          uuid,
  model_id         uuid,
  serial           text NOT NULL DEFAULT '',
  criticality      text NOT NULL DEFAULT 'B' CHECK (criticality IN ('A', 'B', 'C')),
  -- What a scan without login may show; anything else stays inside.
  public_fields    text[] NOT NULL DEFAULT ARRAY['name', 'model', 'site']
                   CHECK (public_fields <@ ARRAY['name', 'model', 'site', 'serial', 'maker']),
  commissioned_at  timestamptz NOT NULL DEFAULT now(),
  created_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, slug), UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, site_id) REFERENCES registry.site (tenant_id, id),
  FOREIGN KEY (tenant_id, model_id) REFERENCES registry.machine_model (tenant_id, id)
);

CREATE TABLE registry.tag (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  machine_id  uuid NOT NULL,
  slug        text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  name        text NOT NULL,
  unit        text NOT NULL DEFAULT '',
  kind        text NOT NULL CHECK (kind IN ('float', 'int', 'bool', 'text')),
  series_id   int NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, machine_id, slug), UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id)
);

CREATE TABLE registry.gateway (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id     uuid NOT NULL REFERENCES registry.tenant,
  slug          text NOT NULL CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
  name          text NOT NULL,
  site_id       uuid,
  status        text NOT NULL DEFAULT 'active' CHECK (status IN ('pending', 'active', 'revoked')),
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, slug), UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, site_id) REFERENCES registry.site (tenant_id, id)
);

-- A label is printed on the machine, so its token is stored as it is: it opens a public page and nothing else.
CREATE TABLE registry.label (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  machine_id  uuid NOT NULL,
  token       text NOT NULL UNIQUE CHECK (length(token) >= 22),   -- 128 random bits, base64url
  short_code  text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now(),
  revoked_at  timestamptz,
  FOREIGN KEY (tenant_id, machine_id) REFERENCES registry.machine (tenant_id, id)
);

-- Which series a tenant may read, and of which period. The owner's rows come from the trigger below; grants add theirs.
CREATE TABLE registry.visible_tag (
  tenant_id   uuid NOT NULL REFERENCES registry.tenant,
  series_id   int NOT NULL,
  valid_from  timestamptz NOT NULL DEFAULT '-infinity',
  valid_to    timestamptz NOT NULL DEFAULT 'infinity',
  PRIMARY KEY (tenant_id, series_id, valid_from)
);

CREATE FUNCTION registry.owner_sees_tag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO registry.visible_tag (tenant_id, series_id) VALUES (NEW.tenant_id, NEW.series_id);
  RETURN NEW;
END $$;
CREATE TRIGGER owner_sees_tag AFTER INSERT ON registry.tag FOR EACH ROW EXECUTE FUNCTION registry.owner_sees_tag();

CALL registry.guard('registry.tenant');
CALL registry.guard('registry.person');
CALL registry.guard('registry.session');
CALL registry.guard('registry.site');
CALL registry.guard('registry.machine_model');
CALL registry.guard('registry.machine');
CALL registry.guard('registry.tag');
CALL registry.guard('registry.gateway');
CALL registry.guard('registry.label');
CALL registry.guard('registry.visible_tag');

-- A session ends by deletion, and the definer creates it before a tenant is known to the connection.
GRANT SELECT ON ALL TABLES IN SCHEMA registry TO lw_app, lw_ingest, lw_worker, lw_definer;
REVOKE SELECT ON registry.person, registry.session FROM lw_app, lw_ingest, lw_worker;
GRANT SELECT (id, tenant_id, login, name, roles, language, disabled_at, created_at) ON registry.person TO lw_app, lw_worker;
GRANT UPDATE (language) ON registry.person TO lw_app;
GRANT INSERT, DELETE ON registry.session TO lw_app;
GRANT SELECT (token_sha256, tenant_id) ON registry.session TO lw_app;
GRANT INSERT, UPDATE ON registry.site, registry.machine_model, registry.machine, registry.label TO lw_app;
GRANT UPDATE (name, unit) ON registry.tag TO lw_app;
GRANT INSERT ON registry.machine, registry.tag, registry.visible_tag TO lw_ingest;

-- Before anybody has logged in there is no tenant: these three look it up by a secret the caller must already hold.
CREATE FUNCTION registry.find_login(wanted text)
RETURNS TABLE (person_id uuid, tenant_id uuid, password_hash text, disabled boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT id, person.tenant_id, person.password_hash, disabled_at IS NOT NULL FROM registry.person WHERE login = wanted;
END;

CREATE FUNCTION registry.find_session(wanted bytea)
RETURNS TABLE (person_id uuid, tenant_id uuid, login text, name text, roles text[], language text, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT person.id, person.tenant_id, person.login, person.name, person.roles, person.language, session.expires_at
  FROM registry.session JOIN registry.person ON person.id = session.person_id
  WHERE session.token_sha256 = wanted AND session.expires_at > now() AND person.disabled_at IS NULL;
END;

CREATE FUNCTION registry.find_label(wanted text)
RETURNS TABLE (label_id uuid, tenant_id uuid, machine_id uuid, revoked boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT id, label.tenant_id, label.machine_id, revoked_at IS NOT NULL FROM registry.label
  WHERE token = wanted OR short_code = upper(wanted);
END;

ALTER FUNCTION registry.find_login OWNER TO lw_definer;
ALTER FUNCTION registry.find_session OWNER TO lw_definer;
ALTER FUNCTION registry.find_label OWNER TO lw_definer;
REVOKE ALL ON FUNCTION registry.find_login, registry.find_session, registry.find_label FROM PUBLIC;
GRANT EXECUTE ON FUNCTION registry.find_login, registry.find_session, registry.find_label TO lw_app;
