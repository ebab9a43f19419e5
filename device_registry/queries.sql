-- SQL of the registry. Everything but the first four runs inside a tenant transaction.

-- find_login -- before anybody has logged in
SELECT person_id, tenant_id, password_hash, disabled FROM registry.find_login(%(login)s);

-- find_session -- the living session behind a token
SELECT person_id, tenant_id, login, name, roles, language, expires_at FROM registry.find_session(%(token_sha256)s);

-- find_label -- by token or by short code
SELECT label_id, tenant_id, machine_id, revoked FROM registry.find_label(%(wanted)s);

-- find_gateway -- for ingest and the workers, across tenants
SELECT gateway.id, gateway.tenant_id, gateway.slug, gateway.status
FROM registry.gateway JOIN registry.tenant USING (tenant_id)
WHERE tenant.slug = %(tenant)s AND gateway.slug = %(gateway)s;

-- current_tenant -- the tenant of this transaction
SELECT tenant_id AS id, slug, name, kind FROM registry.tenant WHERE tenant_id = registry.current_tenant();

-- create_session -- only the hash of its token is kept
INSERT INTO registry.session (token_sha256, tenant_id, person_id, expires_at)
VALUES (%(token_sha256)s, registry.current_tenant(), %(person_id)s, %(expires_at)s);

-- end_session -- log out
DELETE FROM registry.session WHERE token_sha256 = %(token_sha256)s AND tenant_id = registry.current_tenant();

-- set_language -- of one person
UPDATE registry.person SET language = %(language)s WHERE id = %(person_id)s AND tenant_id = registry.current_tenant();

-- list_people -- who can log in and has this role, by name
SELECT id, tenant_id, login, name, roles, language FROM registry.person
WHERE tenant_id = registry.current_tenant() AND disabled_at IS NULL
  AND (%(role)s::text IS NULL OR %(role)s = ANY (roles))
ORDER BY name, id;

-- list_machines -- the next ones by slug
SELECT machine.id, machine.slug, machine.name, coalesce(model.machine_class, 'other') AS machine_class,
       model.name AS model, site.name AS site, machine.criticality
FROM registry.machine
LEFT JOIN registry.machine_model AS model ON model.tenant_id = machine.tenant_id AND model.id = machine.model_id
LEFT JOIN registry.site ON site.tenant_id = machine.tenant_id AND site.id = machine.site_id
WHERE machine.tenant_id = registry.current_tenant() AND machine.slug > %(after)s
ORDER BY machine.slug LIMIT %(limit)s;

-- find_machine -- one, with what its page shows
SELECT machine.id, machine.slug, machine.name, coalesce(model.machine_class, 'other') AS machine_class,
       model.name AS model, site.name AS site, machine.criticality,
       machine.serial, coalesce(model.maker, '') AS maker, machine.public_fields
FROM registry.machine
LEFT JOIN registry.machine_model AS model ON model.tenant_id = machine.tenant_id AND model.id = machine.model_id
LEFT JOIN registry.site ON site.tenant_id = machine.tenant_id AND site.id = machine.site_id
WHERE machine.tenant_id = registry.current_tenant() AND machine.id = %(machine_id)s;

-- list_tags -- of these machines, by machine and slug
SELECT id, machine_id, slug, name, unit, kind, series_id FROM registry.tag
WHERE tenant_id = registry.current_tenant() AND machine_id = ANY (%(machine_ids)s)
ORDER BY machine_id, slug;

-- find_machine_label -- the newest that was not revoked
SELECT id, machine_id, token, short_code, created_at FROM registry.label
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND revoked_at IS NULL
ORDER BY created_at DESC, id LIMIT 1;

-- create_label -- nothing comes back when token or code is taken
INSERT INTO registry.label (tenant_id, machine_id, token, short_code)
SELECT registry.current_tenant(), id, %(token)s, %(short_code)s FROM registry.machine
WHERE tenant_id = registry.current_tenant() AND id = %(machine_id)s
ON CONFLICT DO NOTHING
RETURNING id, machine_id, token, short_code, created_at;

-- revoke_label -- it stays known, so that a scan can say so
UPDATE registry.label SET revoked_at = now()
WHERE id = %(label_id)s AND tenant_id = registry.current_tenant() AND revoked_at IS NULL;

-- add_machines -- those of a catalog that are not known yet
INSERT INTO registry.machine (tenant_id, slug, name)
SELECT registry.current_tenant(), new.slug, new.title
FROM unnest(%(machines)s::text[], %(titles)s::text[]) AS new (slug, title)
ON CONFLICT (tenant_id, slug) DO NOTHING;

-- add_tags -- those of a catalog that are not known yet
INSERT INTO registry.tag (tenant_id, machine_id, slug, name, unit, kind)
SELECT machine.tenant_id, machine.id, new.tag, new.title, new.unit, new.kind
FROM unnest(%(machines)s::text[], %(tags)s::text[], %(titles)s::text[], %(units)s::text[], %(kinds)s::text[])
     AS new (machine, tag, title, unit, kind)
JOIN registry.machine ON machine.tenant_id = registry.current_tenant() AND machine.slug = new.machine
ON CONFLICT (tenant_id, machine_id, slug) DO NOTHING;

-- series_of -- the series of each tag of a catalog
SELECT new.alias, tag.series_id
FROM unnest(%(aliases)s::bigint[], %(machines)s::text[], %(tags)s::text[]) AS new (alias, machine, tag)
JOIN registry.machine ON machine.tenant_id = registry.current_tenant() AND machine.slug = new.machine
JOIN registry.tag ON tag.tenant_id = machine.tenant_id AND tag.machine_id = machine.id AND tag.slug = new.tag;

-- find_tenant -- by slug, across tenants
SELECT tenant_id FROM registry.tenant WHERE slug = %(slug)s;

-- find_person -- whether this login is one of ours
SELECT tenant_id = registry.current_tenant() FROM registry.person WHERE login = %(login)s;

-- seed_tenant -- its id comes from the caller, whose transaction is already in it
INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%(id)s, %(slug)s, %(name)s);

-- seed_site -- unless it is there
INSERT INTO registry.site (tenant_id, slug, name) VALUES (registry.current_tenant(), %(slug)s, %(name)s)
ON CONFLICT (tenant_id, slug) DO NOTHING;

-- seed_model -- unless it is there
INSERT INTO registry.machine_model (tenant_id, slug, name, maker, machine_class)
VALUES (registry.current_tenant(), %(slug)s, %(name)s, %(maker)s, %(machine_class)s)
ON CONFLICT (tenant_id, slug) DO NOTHING;

-- seed_machine -- unless it is there
INSERT INTO registry.machine (tenant_id, slug, name, serial, criticality, site_id, model_id)
VALUES (registry.current_tenant(), %(slug)s, %(name)s, %(serial)s, %(criticality)s,
        (SELECT id FROM registry.site WHERE tenant_id = registry.current_tenant() AND slug = %(site)s),
        (SELECT id FROM registry.machine_model WHERE tenant_id = registry.current_tenant() AND slug = %(model)s))
ON CONFLICT (tenant_id, slug) DO NOTHING;

-- seed_tag -- unless it is there
INSERT INTO registry.tag (tenant_id, machine_id, slug, name, unit, kind)
SELECT tenant_id, id, %(slug)s, %(name)s, %(unit)s, %(kind)s FROM registry.machine
WHERE tenant_id = registry.current_tenant() AND slug = %(machine)s
ON CONFLICT (tenant_id, machine_id, slug) DO NOTHING;

-- seed_limit -- unless that tag has a limit of that kind
INSERT INTO alarm.limit_rule (tenant_id, tag_id, kind, threshold, deadband, on_delay_s, off_delay_s, priority, cause)
SELECT tag.tenant_id, tag.id, %(kind)s, %(threshold)s, %(deadband)s, %(on_delay_s)s, %(off_delay_s)s, %(priority)s, %(cause)s
FROM registry.tag JOIN registry.machine ON machine.tenant_id = tag.tenant_id AND machine.id = tag.machine_id
WHERE tag.tenant_id = registry.current_tenant() AND machine.slug = %(machine)s AND tag.slug = %(tag)s
ON CONFLICT (tenant_id, tag_id, kind) DO NOTHING;

-- seed_gateway -- unless it is there
INSERT INTO registry.gateway (tenant_id, slug, name, site_id)
VALUES (registry.current_tenant(), %(slug)s, %(slug)s,
        (SELECT id FROM registry.site WHERE tenant_id = registry.current_tenant() AND slug = %(site)s))
ON CONFLICT (tenant_id, slug) DO NOTHING;

-- seed_person -- of this tenant
INSERT INTO registry.person (tenant_id, login, name, password_hash, roles, language)
VALUES (registry.current_tenant(), %(login)s, %(name)s, %(password_hash)s, %(roles)s, %(language)s);

-- seeded_machines -- ids by slug
SELECT slug, id FROM registry.machine WHERE tenant_id = registry.current_tenant() ORDER BY slug;

-- seeded_tags -- ids and series by slugs
SELECT machine.slug, tag.slug, tag.id, tag.series_id
FROM registry.tag JOIN registry.machine ON machine.tenant_id = tag.tenant_id AND machine.id = tag.machine_id
WHERE tag.tenant_id = registry.current_tenant();

-- seeded_gateways -- ids by slug
SELECT slug, id FROM registry.gateway WHERE tenant_id = registry.current_tenant();

-- seeded_people -- ids by login
SELECT login, id FROM registry.person WHERE tenant_id = registry.current_tenant();
