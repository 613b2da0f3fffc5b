-- The findings that a film shows. Stored when the snapshot is made.
-- Grain: one row per film of the current settings that has a prediction.
CREATE TABLE findings_per_film AS
SELECT
    film,
    coalesce(list(finding ORDER BY finding) FILTER (WHERE gated), []) AS findings
FROM film_findings
GROUP BY film
ORDER BY film;

COMMENT ON COLUMN findings_per_film.film IS 'films.film.';
COMMENT ON COLUMN findings_per_film.findings IS 'Gated ones, by name; empty for none.';
