-- What the network says of the films that are shown.
-- Grain: one row per film of $keys and finding.
SELECT
    predictions.instance_key,
    predictions.finding,
    predictions.probability,
    predictions.gate,
    predictions.labeled,
    predictions.gated
FROM current_predictions AS predictions
INNER JOIN findings ON predictions.finding = findings.finding
WHERE predictions.instance_key IN (SELECT unnest($keys::VARCHAR[]))
ORDER BY predictions.instance_key, predictions.probability DESC, findings.ordinal;
