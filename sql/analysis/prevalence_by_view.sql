-- Question: How does the share of films with a finding differ between views?
-- Grain: one row per finding and view
-- Parameters: finding (text, default all): one finding, or all
-- Reads: predictions_with_film
SELECT
    finding,
    coalesce(view_position, 'unknown') AS view_position,
    count(*) AS films,
    round(avg(gated::INTEGER), 3) AS share_with_finding
FROM predictions_with_film
WHERE $finding = 'all' OR finding = $finding
GROUP BY ALL
ORDER BY ALL;
