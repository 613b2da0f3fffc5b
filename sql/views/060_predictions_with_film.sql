-- Predictions with what is known of film and patient. Stored when the snapshot is made, as boxes_with_film.
-- Grain: one row per film and finding of the current settings.
CREATE TABLE predictions_with_film AS
WITH boxed AS (
    SELECT
        instance_key,
        finding,
        max(area_cm2) AS area_cm2,
        max(area_share) AS area_share,
        max(share_in_lungs) FILTER (WHERE rank = 1) AS share_in_lungs
    FROM boxes_with_film
    GROUP BY instance_key, finding
)

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
    films.days_since_first_study,
    boxed.area_cm2,
    boxed.area_share,
    boxed.share_in_lungs
FROM current_predictions AS predictions
INNER JOIN current_instances AS films ON predictions.instance_key = films.instance_key
LEFT JOIN boxed ON predictions.instance_key = boxed.instance_key AND predictions.finding = boxed.finding
ORDER BY predictions.finding, predictions.instance_key;

COMMENT ON TABLE predictions_with_film IS 'Predictions with film and patient: one row per film and finding of the current settings.';
COMMENT ON COLUMN predictions_with_film.seen IS 'Whether the probability reaches the operating point.';
COMMENT ON COLUMN predictions_with_film.study_key IS 'As in instances; a film without a study is one of its own.';
COMMENT ON COLUMN predictions_with_film.area_cm2 IS 'Of the largest box, square centimetres; null without box or spacing.';
COMMENT ON COLUMN predictions_with_film.area_share IS 'Of the largest box, share of the film; null without box.';
COMMENT ON COLUMN predictions_with_film.share_in_lungs IS 'Of the first box: share of its area in lung_fields; null without box.';
