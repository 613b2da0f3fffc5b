-- Question: On which films is a finding largest?
-- Grain: one row per film
-- Parameters: finding (text, default Mass): the finding; limit (integer, default 20): number of films
-- Reads: film_boxes, films
WITH first AS (
    SELECT *
    FROM film_boxes
    WHERE rank = 1 AND finding = $finding
    ORDER BY area_cm2 DESC NULLS LAST, area_share DESC, film
    LIMIT $limit
)

SELECT
    films.source_uri,
    films.patient_key,
    round(first.area_cm2, 1) AS area_cm2,
    round(first.area_share, 3) AS share_of_film,
    round(first.width_mm) AS width_mm,
    round(first.height_mm) AS height_mm,
    first.side,
    first.zone,
    round(first.probability, 3) AS probability
FROM first
INNER JOIN films ON first.film = films.film
ORDER BY first.area_cm2 DESC NULLS LAST, first.area_share DESC, first.film;
