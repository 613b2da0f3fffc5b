-- Invariant: Every finding named is one of the fourteen.
SELECT
    predictions.instance_key,
    predictions.finding
FROM predictions
ANTI JOIN findings ON predictions.finding = findings.finding;
