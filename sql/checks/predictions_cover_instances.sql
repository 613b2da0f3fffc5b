-- Invariant: Every instance that is not rejected has one prediction per finding of its model; a rejected one has none.
WITH per_instance AS (
    SELECT
        instance_key,
        config_fingerprint,
        count(*) AS predicted,
        count(DISTINCT finding) AS findings
    FROM predictions
    GROUP BY instance_key, config_fingerprint
),

per_model AS (
    SELECT
        config_fingerprint,
        count(DISTINCT finding) AS findings
    FROM predictions
    GROUP BY config_fingerprint
)

SELECT
    coalesce(films.instance_key, per_instance.instance_key) AS instance_key,
    films.state,
    per_instance.predicted
FROM instances AS films
FULL OUTER JOIN per_instance
    ON
        films.instance_key = per_instance.instance_key
        AND films.config_fingerprint = per_instance.config_fingerprint
LEFT JOIN per_model ON per_instance.config_fingerprint = per_model.config_fingerprint
WHERE
    films.instance_key IS NULL
    OR (films.state = 'rejected') != (per_instance.predicted IS NULL)
    OR per_instance.predicted != per_model.findings
    OR per_instance.findings != per_model.findings;
