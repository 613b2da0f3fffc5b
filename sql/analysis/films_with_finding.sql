-- Question: Which films most probably show a finding?
-- Grain: one row per film
-- Parameters: finding (text, default Effusion): the finding; limit (integer, default 20): number of films
-- Reads: film_findings, films
WITH first AS (
    SELECT
        film,
        probability,
        n_boxes,
        labeled
    FROM film_findings
    WHERE finding = $finding
    ORDER BY film_findings.probability DESC, film
    LIMIT $limit
)

SELECT
    films.source_uri,
    round(first.probability, 3) AS probability,
    first.n_boxes,
    first.labeled,
    films.view_position,
    films.age_years,
    films.sex
FROM first
INNER JOIN films ON first.film = films.film
ORDER BY first.probability DESC, first.film;
