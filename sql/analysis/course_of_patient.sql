-- Question: How did a patient's findings develop?
-- Grain: one row per patient, finding and day with films; findings that were seen at least once
-- Parameters: patient (text, default all): patient_key, or all; limit (integer, default 200): number of rows
-- Reads: patient_course
SELECT
    patient_key,
    finding,
    days_since_first_study,
    films,
    present,
    round(probability, 3) AS probability,
    round(area_cm2, 1) AS area_cm2
FROM patient_course
WHERE $patient = 'all' OR patient_key = $patient
ORDER BY patient_key, finding, days_since_first_study
LIMIT $limit;
