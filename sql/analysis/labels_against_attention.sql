-- Question: Where do report labels and the network disagree?
-- Grain: one row per finding
-- Parameters: none
-- Reads: film_findings, findings
SELECT
    findings.finding,
    count(*) FILTER (WHERE predictions.labeled) AS labeled,
    count(*) FILTER (WHERE predictions.labeled AND predictions.seen) AS labeled_and_seen,
    count(*) FILTER (WHERE predictions.labeled AND NOT predictions.seen) AS labeled_not_seen,
    count(*) FILTER (WHERE NOT predictions.labeled AND predictions.seen) AS seen_not_labeled
FROM findings
INNER JOIN film_findings AS predictions ON findings.finding = predictions.finding
WHERE predictions.labeled IS NOT NULL
GROUP BY findings.ordinal, findings.finding
ORDER BY findings.ordinal;
