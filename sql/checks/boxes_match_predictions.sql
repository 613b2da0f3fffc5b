-- Invariant: Boxes belong to gated predictions, in the number that the prediction says.
WITH counted AS (
    SELECT
        instance_key,
        config_fingerprint,
        finding,
        count(*) AS boxes
    FROM boxes
    GROUP BY instance_key, config_fingerprint, finding
)

SELECT
    coalesce(predictions.instance_key, counted.instance_key) AS instance_key,
    coalesce(predictions.finding, counted.finding) AS finding,
    predictions.n_boxes AS expected,
    counted.boxes AS found
FROM predictions
FULL OUTER JOIN counted
    ON
        predictions.instance_key = counted.instance_key
        AND predictions.config_fingerprint = counted.config_fingerprint
        AND predictions.finding = counted.finding
WHERE
    coalesce(predictions.n_boxes, -1) != coalesce(counted.boxes, 0)
    OR (counted.boxes > 0 AND NOT predictions.gated);
