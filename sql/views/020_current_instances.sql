-- Rows of instances under the settings of the latest complete run.
-- Grain: as instances.
CREATE VIEW current_instances AS
SELECT instances.*
FROM instances
WHERE instances.config_fingerprint IN (SELECT current_fingerprint.config_fingerprint FROM current_fingerprint);
