-- Predictions with what is known of film and patient. Stored when the snapshot is made: joining anew would cost every
-- question a second at ten million boxes.
-- Grain: one row per film and finding of the current settings.
CREATE TABLE predictions_with_film AS
SELECT
    predictions.instance_key,
    predictions.finding,
    predictions.probability,
    predictions.gate,
    predictions.probability >= predictions.gate AS seen,
    predictions.labeled,
    predictions.gated,
    predictions.n_boxes,
    films.source_uri,
    films.patient_key,
    coalesce(films.study_key, films.instance_key) AS study_key,
    films.modality,
    films.view_position,
    films.sex,
    films.age_years,
    films.manufacturer,
    films.manufacturer_model_name,
    films.study_year,
    films.study_month,
    films.days_since_first_study
FROM current_predictions AS predictions
INNER JOIN current_instances AS films ON predictions.instance_key = films.instance_key
ORDER BY predictions.finding, predictions.instance_key;

COMMENT ON TABLE predictions_with_film IS 'Predictions with film and patient: one row per film and finding of the current settings.';
COMMENT ON COLUMN predictions_with_film.seen IS 'Whether the probability reaches the operating point.';
COMMENT ON COLUMN predictions_with_film.study_key IS 'As in instances; a film without a study is one of its own.';
