-- Under which settings a film stands: those of the latest complete run that has rows of it. The current_ views follow
-- one run; films that only earlier settings cover are not in them, and are found here.
-- Grain: one row per film, whatever its settings.
CREATE VIEW film_settings AS
WITH complete AS (
    SELECT
        run_id,
        config_fingerprint,
        bundle,
        row_number() OVER (ORDER BY finished_at, run_id) AS place
    FROM runs
    WHERE status = 'complete'
),

latest AS (
    SELECT
        instances.instance_key,
        max(complete.place) AS place,
        arg_max(instances.state, complete.place) AS state,
        count(*) AS settings
    FROM instances
    INNER JOIN complete ON instances.run_id = complete.run_id
    GROUP BY instances.instance_key
)

SELECT
    latest.instance_key,
    complete.config_fingerprint,
    complete.bundle,
    latest.state,
    latest.settings
FROM latest
INNER JOIN complete ON latest.place = complete.place;

COMMENT ON COLUMN film_settings.settings IS 'Number of settings with rows of the film.';
