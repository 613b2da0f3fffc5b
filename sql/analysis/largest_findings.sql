-- Question: On which films is a finding largest?
-- Grain: one row per film
-- Parameters: finding (text, default Mass): the finding; limit (integer, default 20): number of films
-- Reads: boxes_with_film
SELECT
    source_uri,
    patient_key,
    round(area_cm2, 1) AS area_cm2,
    round(area_share, 3) AS share_of_film,
    round(width_mm) AS width_mm,
    round(height_mm) AS height_mm,
    side,
    zone,
    round(probability, 3) AS probability
FROM boxes_with_film
WHERE rank = 1 AND finding = $finding
ORDER BY boxes_with_film.area_cm2 DESC NULLS LAST, boxes_with_film.area_share DESC, source_uri
LIMIT $limit;
