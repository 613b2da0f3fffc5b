-- Question: In which studies do the films disagree about a finding?
-- Grain: one row per study and finding
-- Parameters: finding (text, default all): one finding, or all; limit (integer, default 20): number of rows
-- Reads: film_findings, films
WITH studies AS (
    SELECT
        study_key,
        count(*) AS films
    FROM films
    WHERE state != 'rejected' AND study_key IS NOT NULL
    GROUP BY study_key
    HAVING count(*) > 1
),

present AS (
    SELECT
        films.study_key,
        film_findings.finding,
        count(*) AS films_with_finding,
        max(film_findings.probability) AS highest_probability
    FROM film_findings
    INNER JOIN films ON film_findings.film = films.film
    WHERE film_findings.gated AND ($finding = 'all' OR film_findings.finding = $finding)
    GROUP BY films.study_key, film_findings.finding
)

SELECT
    studies.study_key,
    present.finding,
    studies.films,
    present.films_with_finding,
    round(present.highest_probability, 3) AS highest_probability
FROM present
INNER JOIN studies ON present.study_key = studies.study_key
WHERE present.films_with_finding < studies.films
ORDER BY present.highest_probability DESC, studies.study_key, present.finding
LIMIT $limit;
