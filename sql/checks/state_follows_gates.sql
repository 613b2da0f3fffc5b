-- Invariant: An instance is localized if and only if a finding is gated.
WITH gated AS (
    SELECT
        instance_key,
        config_fingerprint,
        bool_or(gated) AS any_gated
    FROM predictions
    GROUP BY instance_key, config_fingerprint
)

SELECT
    films.instance_key,
    films.state
FROM instances AS films
INNER JOIN gated
    ON
        films.instance_key = gated.instance_key
        AND films.config_fingerprint = gated.config_fingerprint
WHERE (films.state = 'localized') != gated.any_gated;
