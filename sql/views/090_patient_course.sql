-- How a finding of a patient develops: each day with films, and the same values of the day with films before it. Stored
-- when the snapshot is made, the patients of later runs after those of earlier ones.
-- Grain: one row per patient, day and finding of the current settings; patients and days that are known, findings that
-- the patient shows at least once.
CREATE TABLE patient_course AS
WITH patients AS (
    SELECT
        patient_key,
        min(film) AS patient,
        max(run_id) AS latest_run
    FROM films
    WHERE patient_key IS NOT NULL
    GROUP BY patient_key
),

seen_films AS (
    SELECT
        films.film,
        films.days_since_first_study,
        patients.patient
    FROM films
    INNER JOIN patients ON films.patient_key = patients.patient_key
),

shown AS (
    SELECT DISTINCT
        seen_films.patient,
        film_findings.finding
    FROM film_findings
    INNER JOIN seen_films ON film_findings.film = seen_films.film
    WHERE film_findings.gated
),

days AS (
    SELECT
        seen_films.patient,
        film_findings.finding,
        seen_films.days_since_first_study,
        count(*) AS films,
        bool_or(film_findings.gated) AS present,
        max(film_findings.probability) AS probability,
        max(film_findings.area_cm2) AS area_cm2,
        max(film_findings.area_share) AS area_share
    FROM film_findings
    INNER JOIN seen_films ON film_findings.film = seen_films.film
    INNER JOIN shown ON seen_films.patient = shown.patient AND film_findings.finding = shown.finding
    WHERE seen_films.days_since_first_study IS NOT NULL
    GROUP BY seen_films.patient, film_findings.finding, seen_films.days_since_first_study
)

SELECT
    patients.patient_key,
    days.* EXCLUDE (patient),
    lag(days.days_since_first_study) OVER course AS day_before,
    lag(days.present) OVER course AS present_before,
    lag(days.area_cm2) OVER course AS area_cm2_before,
    lag(days.area_share) OVER course AS area_share_before
FROM days
INNER JOIN patients ON days.patient = patients.patient
WINDOW course AS (PARTITION BY days.patient, days.finding ORDER BY days.days_since_first_study)
ORDER BY patients.latest_run, patients.patient_key, days.finding, days.days_since_first_study;

COMMENT ON COLUMN patient_course.films IS 'Films of the day.';
COMMENT ON COLUMN patient_course.present IS 'Whether any of them shows the finding.';
COMMENT ON COLUMN patient_course.probability IS 'Largest of the day, 0 to 1.';
COMMENT ON COLUMN patient_course.area_cm2 IS 'Of the largest box of the day, square centimetres.';
COMMENT ON COLUMN patient_course.area_share IS 'Of the largest box of the day, share of the film.';
COMMENT ON COLUMN patient_course.day_before IS 'Day with films before this one, as days since the first study; null on the first.';
COMMENT ON COLUMN patient_course.present_before IS 'As present, on that day.';
COMMENT ON COLUMN patient_course.area_cm2_before IS 'As area_cm2, on that day.';
COMMENT ON COLUMN patient_course.area_share_before IS 'As area_share, on that day.';
