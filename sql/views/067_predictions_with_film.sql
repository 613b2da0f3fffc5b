-- Predictions with what is known of film and patient. Large lakes answer sooner from film_findings, which has no text
-- of patient or source.
-- Grain: one row per film and finding of the current settings.
CREATE VIEW predictions_with_film AS
SELECT
    films.instance_key,
    film_findings.* EXCLUDE (film),
    films.source_uri,
    films.patient_key,
    coalesce(films.study_key, films.instance_key) AS study_key,
    films.modality,
    films.days_since_first_study
FROM film_findings
INNER JOIN films ON film_findings.film = films.film;

COMMENT ON COLUMN predictions_with_film.study_key IS 'As in instances; a film without a study is one of its own.';
