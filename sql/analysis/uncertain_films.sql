-- Question: Which films is the network least certain of, and so most worth a reader's time?
-- Grain: one row per film and finding, nearest to the operating point first
-- Parameters: finding (text, default all): one finding, or all; limit (integer, default 20): number of rows
-- Reads: film_findings, films
WITH first AS (
    SELECT
        film,
        finding,
        probability,
        gate,
        labeled
    FROM film_findings
    WHERE $finding = 'all' OR finding = $finding
    ORDER BY abs(film_findings.probability - gate), film, finding
    LIMIT $limit
)

SELECT
    films.source_uri,
    first.finding,
    round(first.probability, 4) AS probability,
    first.gate,
    first.labeled,
    round(abs(first.probability - first.gate), 4) AS distance
FROM first
INNER JOIN films ON first.film = films.film
ORDER BY abs(first.probability - first.gate), first.film, first.finding;
