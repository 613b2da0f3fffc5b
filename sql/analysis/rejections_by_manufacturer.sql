-- Question: Of whose devices are objects rejected most often?
-- Grain: one row per manufacturer and modality
-- Parameters: none
-- Reads: current_instances
SELECT
    coalesce(manufacturer, 'unknown') AS manufacturer,
    coalesce(modality, 'unknown') AS modality,
    count(*) AS instances,
    count(*) FILTER (WHERE state = 'rejected') AS rejected,
    round(count(*) FILTER (WHERE state = 'rejected') / count(*), 3) AS share_rejected,
    mode(reason_code) AS most_frequent_reason
FROM current_instances
GROUP BY manufacturer, modality
ORDER BY rejected DESC, manufacturer, modality;
