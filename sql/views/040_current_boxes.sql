-- Rows of boxes under the settings of the latest complete run.
-- Grain: as boxes.
CREATE VIEW current_boxes AS
SELECT boxes.*
FROM boxes
WHERE boxes.config_fingerprint IN (SELECT current_fingerprint.config_fingerprint FROM current_fingerprint);
