#!/usr/bin/env bash
# Runs once, when the database volume is new: the login roles, each with its own password.
set -euo pipefail
for role in ingest worker app; do
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v "name=lw_$role" -v "password=$(cat /run/secrets/$role)" <<'SQL'
CREATE ROLE :"name" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
SQL
done
