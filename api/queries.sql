-- SQL that belongs to no room below: looking up where a request without login belongs.

-- find_report -- the tenant of a report, by the id that its reporter's phone made
SELECT registry.find_report(%(report_id)s);
