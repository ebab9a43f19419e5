-- numbers_of_machine -- series and unit of what it measures in numbers
SELECT series_id, unit FROM registry.tag
WHERE tenant_id = registry.current_tenant() AND machine_id = %(machine_id)s AND kind IN ('float', 'int')
ORDER BY slug;
