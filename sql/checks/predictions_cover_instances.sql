-- Invariant: Every instance that is not rejected has one prediction per finding of its model; a rejected one has none.
WITH per_instance AS (
    SELECT
        predictions.instance_key,
        predictions.config_fingerprint,
        count(*) AS predicted,
        bit_or(1 << findings.ordinal) AS findings
    FROM predictions
    LEFT JOIN findings ON predictions.finding = findings.finding
    GROUP BY predictions.instance_key, predictions.config_fingerprint
),

per_model AS (
    SELECT
        config_fingerprint,
        bit_or(findings) AS findings
    FROM per_instance
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
    OR per_instance.findings != per_model.findings
    OR per_instance.predicted != bit_count(per_model.findings);
