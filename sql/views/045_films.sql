-- Instances under the settings of the latest complete run, numbered as they lie in the snapshot: tables that name a
-- film by its number join quickly and stay small.
-- Grain: as instances.
CREATE VIEW films AS
SELECT
    instances.rowid AS film,
    instances.*
FROM instances
WHERE instances.config_fingerprint IN (SELECT current_fingerprint.config_fingerprint FROM current_fingerprint);

COMMENT ON COLUMN films.film IS 'Number of the film in this snapshot; films.film. Another snapshot may number anew.';
