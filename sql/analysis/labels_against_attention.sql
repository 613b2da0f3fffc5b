-- Question: Where do report labels and the network disagree?
-- Grain: one row per finding
-- Parameters: none
-- Reads: current_predictions, findings
SELECT
    findings.finding,
    count(*) FILTER (WHERE predictions.labeled) AS labeled,
    count(*) FILTER (WHERE predictions.labeled AND predictions.probability >= predictions.gate) AS labeled_and_seen,
    count(*) FILTER (WHERE predictions.labeled AND predictions.probability < predictions.gate) AS labeled_not_seen,
    count(*) FILTER (WHERE NOT predictions.labeled AND predictions.probability >= predictions.gate) AS seen_not_labeled
FROM findings
INNER JOIN current_predictions AS predictions ON findings.finding = predictions.finding
WHERE predictions.labeled IS NOT NULL
GROUP BY findings.ordinal, findings.finding
ORDER BY findings.ordinal;
