-- Question: How does the share of films with a finding differ between views?
-- Grain: one row per finding and view
-- Parameters: none
-- Reads: current_predictions, current_instances
SELECT
    predictions.finding,
    coalesce(films.view_position, 'unknown') AS view_position,
    count(*) AS films,
    round(avg(predictions.gated::INTEGER), 3) AS share_with_finding
FROM current_predictions AS predictions
INNER JOIN current_instances AS films ON predictions.instance_key = films.instance_key
GROUP BY ALL
ORDER BY ALL;
