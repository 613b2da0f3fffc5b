-- What the films of a study show together.
-- Grain: one row per study and finding of the current settings.
CREATE VIEW findings_per_study AS
SELECT
    study_key,
    any_value(patient_key) AS patient_key,
    finding,
    any_value(study_year) AS study_year,
    any_value(days_since_first_study) AS days_since_first_study,
    count(*) AS films,
    count(*) FILTER (WHERE gated) AS films_with_finding,
    bool_or(gated) AS present,
    max(probability) AS highest_probability,
    sum(n_boxes)::BIGINT AS boxes
FROM predictions_with_film
GROUP BY study_key, finding;

COMMENT ON COLUMN findings_per_study.films IS 'Films of the study that have a prediction.';
COMMENT ON COLUMN findings_per_study.films_with_finding IS 'Of these, with the finding gated.';
COMMENT ON COLUMN findings_per_study.present IS 'Whether any film shows it.';
COMMENT ON COLUMN findings_per_study.highest_probability IS 'Largest of the films, 0 to 1.';
COMMENT ON COLUMN findings_per_study.boxes IS 'Rows of boxes of the study and finding.';
