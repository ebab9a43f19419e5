-- SQL that belongs to no room below.

-- find_report -- the tenant of a report, by the id that its reporter's phone made
SELECT registry.find_report(%(report_id)s);

-- forget_sessions -- those of this tenant that are over
DELETE FROM registry.session WHERE tenant_id = registry.current_tenant() AND expires_at < now();
