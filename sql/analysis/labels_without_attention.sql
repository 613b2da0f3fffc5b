-- Question: Which films carry a label for which the network sees nothing in the lungs?
-- Grain: one row per film and finding, least probable first
-- Parameters: finding (text, default all): one finding, or all;
--     share (number, default 0.5): of the first box in the lung fields, below which it counts as outside;
--     limit (integer, default 20): number of rows
-- Reads: film_findings, films
WITH first AS (
    SELECT
        film,
        finding,
        probability,
        gate,
        share_in_lungs
    FROM film_findings
    WHERE labeled AND (NOT seen OR share_in_lungs < $share) AND ($finding = 'all' OR finding = $finding)
    ORDER BY film_findings.probability, film, finding
    LIMIT $limit
)

SELECT
    films.source_uri,
    first.finding,
    round(first.probability, 3) AS probability,
    first.gate,
    round(first.share_in_lungs, 2) AS share_in_lungs
FROM first
INNER JOIN films ON first.film = films.film
ORDER BY first.probability, first.film, first.finding;
