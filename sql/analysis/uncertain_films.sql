-- Question: Which films is the network least certain of, and so most worth a reader's time?
-- Grain: one row per film and finding, nearest to the operating point first
-- Parameters: finding (text, default all): one finding, or all; limit (integer, default 20): number of rows
-- Reads: predictions_with_film
SELECT
    source_uri,
    finding,
    round(probability, 4) AS probability,
    gate,
    labeled,
    round(abs(probability - gate), 4) AS distance
FROM predictions_with_film
WHERE $finding = 'all' OR finding = $finding
ORDER BY abs(predictions_with_film.probability - gate), source_uri, finding
LIMIT $limit;
