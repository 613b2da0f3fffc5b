-- Question: Which films most probably show a finding?
-- Grain: one row per film
-- Parameters: finding (text, default Effusion): the finding; limit (integer, default 20): number of films
-- Reads: predictions_with_film
SELECT
    source_uri,
    round(probability, 3) AS probability,
    n_boxes,
    labeled,
    view_position,
    age_years,
    sex
FROM predictions_with_film
WHERE finding = $finding
ORDER BY predictions_with_film.probability DESC, source_uri
LIMIT $limit;
