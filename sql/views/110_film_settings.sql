-- Under which settings a film stands: those of the latest complete run that has rows of it. The current_ views follow
-- one run; films that only earlier settings cover are not in them, and are found here. Stored when the snapshot is
-- made.
-- Grain: one row per film, whatever its settings.
CREATE TABLE film_settings AS
SELECT
    instances.instance_key,
    arg_max(instances.config_fingerprint, runs.finished_at) AS config_fingerprint,
    arg_max(runs.bundle, runs.finished_at) AS bundle,
    arg_max(instances.state, runs.finished_at) AS state,
    count(DISTINCT instances.config_fingerprint) AS settings
FROM instances
INNER JOIN runs ON instances.run_id = runs.run_id
WHERE runs.status = 'complete'
GROUP BY instances.instance_key;

COMMENT ON COLUMN film_settings.settings IS 'Number of settings with rows of the film.';
