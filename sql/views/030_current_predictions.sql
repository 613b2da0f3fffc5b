-- Rows of predictions under the settings of the latest complete run.
-- Grain: as predictions.
CREATE VIEW current_predictions AS
SELECT predictions.*
FROM predictions
WHERE predictions.config_fingerprint IN (SELECT current_fingerprint.config_fingerprint FROM current_fingerprint);
