-- What gateways say of themselves, and every number that is missing with its explanation.

-- The newest words of `…/up/state`; one row a gateway that was ever heard.
CREATE TABLE telemetry.gateway_state (
  gateway_id    uuid PRIMARY KEY,
  online        boolean NOT NULL,
  since         timestamptz NOT NULL DEFAULT now(),  -- when ingest saw it come or go
  heard_at      timestamptz NOT NULL DEFAULT now(),
  runs          uuid[] NOT NULL DEFAULT '{}',        -- those that its new batches belong to
  revision      bigint,
  open_batches  bigint,                              -- in its spool without a receipt; NULL: it never said
  set_aside     text                                 -- a damaged spool file that it put away
);

-- Batches that a gateway had to give up: its tombstones. A range may grow when the gateway tells it again.
CREATE TABLE telemetry.dropped (
  gateway_id  uuid NOT NULL,
  run_id      uuid NOT NULL,
  first_seq   bigint NOT NULL CHECK (first_seq >= 1),
  last_seq    bigint NOT NULL CHECK (last_seq BETWEEN first_seq AND 1099511627775),  -- that most: all behind
  samples     bigint NOT NULL,
  first_time  timestamptz NOT NULL,
  last_time   timestamptz NOT NULL,
  reason      text NOT NULL,
  told_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway_id, run_id, first_seq)
);

-- Missing = what a run has numbered or given up, less what is committed; a rejected batch has its number and is no gap.
--   dropped     the gateway gave it up: reason, samples and their time span as it told them
--   on_its_way  its spool holds something, or a later number came a few minutes ago
--   unknown     neither
-- For what was not dropped, `since` and `until` are the moments when the neighbours were stored.
CREATE VIEW telemetry.gap AS
WITH run AS (
  SELECT gateway_id, run_id FROM telemetry.ledger WHERE run_id <> '00000000-0000-0000-0000-000000000000'
  UNION
  SELECT gateway_id, run_id FROM telemetry.dropped
), known AS NOT MATERIALIZED (
  SELECT run.gateway_id, run.run_id, coalesce(ledger.committed, '{}') AS committed, ledger.updated_at,
         coalesce((SELECT range_agg(int8range(first_seq, last_seq, '[]')) FROM telemetry.dropped
                   WHERE (dropped.gateway_id, dropped.run_id) = (run.gateway_id, run.run_id)), '{}') AS dropped
  FROM run LEFT JOIN telemetry.ledger USING (gateway_id, run_id)
), missing AS NOT MATERIALIZED (
  SELECT known.*, int8multirange(int8range(1, greatest(upper(committed), 1))) + dropped - committed AS missing FROM known
)
SELECT missing.gateway_id, missing.run_id, lower(part) AS first_seq, upper(part) - 1 AS last_seq,
       'dropped' AS explanation, reason,
       CASE WHEN part = int8range(first_seq, last_seq, '[]') THEN samples END AS samples,
       first_time AS since, last_time AS until
FROM missing
JOIN telemetry.dropped USING (gateway_id, run_id),
     unnest(missing.missing * int8multirange(int8range(first_seq, last_seq, '[]'))) AS part
UNION ALL
SELECT missing.gateway_id, missing.run_id, lower(part), upper(part) - 1,
       CASE WHEN state.open_batches > 0 OR missing.updated_at > now() - interval '10 minutes'
            THEN 'on_its_way' ELSE 'unknown' END,
       NULL, NULL,
       (SELECT committed_at FROM telemetry.batch
        WHERE (gateway_id, run_id, seq) = (missing.gateway_id, missing.run_id, lower(part) - 1)),
       (SELECT committed_at FROM telemetry.batch
        WHERE (gateway_id, run_id, seq) = (missing.gateway_id, missing.run_id, upper(part)))
FROM missing
LEFT JOIN telemetry.gateway_state AS state USING (gateway_id),
     unnest(missing.missing - missing.dropped) AS part;

GRANT SELECT, INSERT, UPDATE ON telemetry.gateway_state, telemetry.dropped TO lw_ingest;
GRANT DELETE ON telemetry.dropped TO lw_ingest;
GRANT SELECT ON telemetry.gateway_state, telemetry.dropped, telemetry.gap TO lw_ingest, lw_worker, lw_definer;

-- For the HTTP API, which has no right on telemetry: the gateways of the tenant of this transaction, and nobody else's.
CREATE FUNCTION telemetry.gateways()
RETURNS TABLE (id uuid, slug text, name text, online boolean, since timestamptz, heard_at timestamptz, open_batches bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT gateway.id, gateway.slug, gateway.name, state.online, state.since, state.heard_at, state.open_batches
  FROM registry.gateway LEFT JOIN telemetry.gateway_state AS state ON state.gateway_id = gateway.id
  WHERE gateway.tenant_id = registry.current_tenant()
$$;

CREATE FUNCTION telemetry.gaps(wanted uuid)
RETURNS TABLE (run_id uuid, first_seq bigint, last_seq bigint, explanation text, reason text, samples bigint,
               since timestamptz, until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT gap.run_id, gap.first_seq, gap.last_seq, gap.explanation, gap.reason, gap.samples, gap.since, gap.until
  FROM telemetry.gap
  WHERE gap.gateway_id = wanted
    AND EXISTS (SELECT FROM registry.gateway
                WHERE gateway.id = wanted AND gateway.tenant_id = registry.current_tenant())
$$;

ALTER FUNCTION telemetry.gateways OWNER TO lw_definer;
ALTER FUNCTION telemetry.gaps OWNER TO lw_definer;
REVOKE ALL ON FUNCTION telemetry.gateways, telemetry.gaps FROM PUBLIC;
GRANT EXECUTE ON FUNCTION telemetry.gateways, telemetry.gaps TO lw_app;
