-- Question: How does the share of films with a finding differ between views?
-- Grain: one row per finding and view
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_findings
SELECT
    finding,
    coalesce(view_position, 'unknown') AS view_position,
    count(*) AS films,
    round(avg(gated::INTEGER), 3) AS share_with_finding
FROM film_findings
WHERE $finding = 'all' OR finding = $finding
GROUP BY ALL
ORDER BY ALL;
