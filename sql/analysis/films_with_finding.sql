-- Question: Which films most probably show a finding?
-- Grain: one row per film
-- Parameters: finding (text, default Effusion): the finding; limit (integer, default 20): number of films
-- Reads: current_predictions, current_instances
SELECT
    films.source_uri,
    round(predictions.probability, 3) AS probability,
    predictions.n_boxes,
    predictions.labeled,
    films.view_position,
    films.age_years,
    films.sex
FROM current_predictions AS predictions
INNER JOIN current_instances AS films ON predictions.instance_key = films.instance_key
WHERE predictions.finding = $finding
ORDER BY predictions.probability DESC, films.source_uri
LIMIT $limit;
