-- How a finding of a patient develops: each day with films, and the same values of the day with films before it. Stored
-- when the snapshot is made.
-- Grain: one row per patient, day and finding of the current settings; patients and days that are known, findings that
-- the patient shows at least once.
CREATE TABLE patient_course AS
WITH shown AS (
    SELECT DISTINCT
        patient_key,
        finding
    FROM predictions_with_film
    WHERE gated
),

days AS (
    SELECT
        predictions.patient_key,
        predictions.finding,
        predictions.days_since_first_study,
        count(*) AS films,
        bool_or(predictions.gated) AS present,
        max(predictions.probability) AS probability,
        max(predictions.area_cm2) AS area_cm2,
        max(predictions.area_share) AS area_share
    FROM predictions_with_film AS predictions
    INNER JOIN shown ON predictions.patient_key = shown.patient_key AND predictions.finding = shown.finding
    WHERE predictions.days_since_first_study IS NOT NULL
    GROUP BY predictions.patient_key, predictions.finding, predictions.days_since_first_study
)

SELECT
    *,
    lag(days_since_first_study) OVER course AS day_before,
    lag(present) OVER course AS present_before,
    lag(area_cm2) OVER course AS area_cm2_before,
    lag(area_share) OVER course AS area_share_before
FROM days
WINDOW course AS (PARTITION BY patient_key, finding ORDER BY days_since_first_study)
ORDER BY patient_key, finding, days_since_first_study;

COMMENT ON COLUMN patient_course.films IS 'Films of the day.';
COMMENT ON COLUMN patient_course.present IS 'Whether any of them shows the finding.';
COMMENT ON COLUMN patient_course.probability IS 'Largest of the day, 0 to 1.';
COMMENT ON COLUMN patient_course.area_cm2 IS 'Of the largest box of the day, square centimetres.';
COMMENT ON COLUMN patient_course.area_share IS 'Of the largest box of the day, share of the film.';
COMMENT ON COLUMN patient_course.day_before IS 'Day with films before this one, as days since the first study; null on the first.';
COMMENT ON COLUMN patient_course.present_before IS 'As present, on that day.';
COMMENT ON COLUMN patient_course.area_cm2_before IS 'As area_cm2, on that day.';
COMMENT ON COLUMN patient_course.area_share_before IS 'As area_share, on that day.';
