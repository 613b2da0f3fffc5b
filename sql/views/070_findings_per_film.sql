-- The findings that a film shows. Stored when the snapshot is made.
-- Grain: one row per film of the current settings that has a prediction.
CREATE TABLE findings_per_film AS
SELECT
    instance_key,
    coalesce(list(finding ORDER BY finding) FILTER (WHERE gated), []) AS findings
FROM predictions_with_film
GROUP BY instance_key
ORDER BY instance_key;

COMMENT ON COLUMN findings_per_film.findings IS 'Gated ones, by name; empty for none.';
