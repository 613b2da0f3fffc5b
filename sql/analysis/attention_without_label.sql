-- Question: On which films does the network see a finding in the lungs that the label table does not name?
-- Grain: one row per film and finding, most probable first
-- Parameters: finding (text, default all): one finding, or all;
--     share (number, default 0.5): of the first box that must lie in the lung fields;
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
    WHERE seen AND NOT labeled AND share_in_lungs >= $share AND ($finding = 'all' OR finding = $finding)
    ORDER BY film_findings.probability DESC, film, finding
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
ORDER BY first.probability DESC, first.film, first.finding;
