"""Walks the catalogue of a database for holes in the wall between tenants."""

from typing import Any

import psycopg

TENANT_SCHEMAS = ["registry", "alarm", "work", "audit"]
OWN_TENANT = "(tenant_id = registry.current_tenant())"

_TENANT_TABLES = """
SELECT relation.oid, relation.oid::regclass::text, relrowsecurity, relforcerowsecurity
FROM pg_class relation JOIN pg_namespace schema ON schema.oid = relnamespace
WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema')
  AND relation.oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass)
  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation.oid AND attname = 'tenant_id' AND NOT attisdropped)
ORDER BY 2
"""
# Policies add up: one that lets the API's role see more opens the wall however good the others are.
_POLICIES_OF_THE_API = """
SELECT polname, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
FROM pg_policy WHERE polrelid = %s
  AND EXISTS (SELECT FROM unnest(polroles) role WHERE role = 0 OR pg_has_role('lw_app', role, 'MEMBER'))
"""
_WITHOUT_TENANT = """
SELECT relation.oid::regclass::text FROM pg_class relation JOIN pg_namespace schema ON schema.oid = relnamespace
WHERE relkind IN ('r', 'p') AND nspname = ANY (%s)
  AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation.oid AND attname = 'tenant_id' AND NOT attisdropped)
"""
_READABLE_TELEMETRY = """
SELECT relation.oid::regclass::text FROM pg_class relation JOIN pg_namespace schema ON schema.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname IN ('telemetry', '_timescaledb_internal')
  AND (has_table_privilege('lw_app', relation.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR has_any_column_privilege('lw_app', relation.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
  AND relation.oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass)
"""
_OPEN_FUNCTIONS = """
SELECT function.oid::regprocedure::text, coalesce(proconfig::text, '') FROM pg_proc function
JOIN pg_namespace schema ON schema.oid = pronamespace
WHERE prosecdef AND nspname IN ('registry', 'telemetry', 'alarm', 'work', 'audit')
  AND (NOT coalesce(proconfig::text, '') LIKE '%search_path=%'
       OR has_function_privilege('public', function.oid, 'EXECUTE'))
"""

Connection = psycopg.Connection[Any]


def tenant_tables(connection: Connection) -> list[str]:
    return [name for _, name, _, _ in connection.execute(_TENANT_TABLES)]


def holes(connection: Connection) -> list[str]:
    """What is wrong, one line a hole; `connection` is the owner's."""
    found = []
    for oid, name, enabled, forced in connection.execute(_TENANT_TABLES).fetchall():
        if not (enabled and forced):
            found.append(f"{name}: row-level security is not enabled and forced")
        policies = connection.execute(_POLICIES_OF_THE_API, [oid]).fetchall()
        if policies != [("own_tenant", True, OWN_TENANT, OWN_TENANT)]:
            found.append(f"{name}: the API's role has other policies: {policies}")
    found += [f"{name}: has no tenant_id" for (name,) in connection.execute(_WITHOUT_TENANT, [TENANT_SCHEMAS])]
    found += [f"{name}: the API's role has a right on it" for (name,) in connection.execute(_READABLE_TELEMETRY)]
    found += [
        f"{name}: runs as its owner, but anybody may call it or choose its search_path ({config})"
        for name, config in connection.execute(_OPEN_FUNCTIONS)
    ]
    return found
