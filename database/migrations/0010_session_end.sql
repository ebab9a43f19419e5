-- Sessions that are long over are removed by whoever logs in next; for that the API must see when they end.
GRANT SELECT (expires_at) ON registry.session TO lw_app;
