-- Films to show: annotated ones first, then each finding in turn; within a finding by instance_key, a keyed hash, so
-- that the pick is random and repeats.
-- Grain: one row per film, at most $films.
WITH candidates AS (
    SELECT
        instance_key,
        finding,
        concat(instance_key, '/', finding) IN (SELECT unnest($annotated::VARCHAR[])) AS is_annotated,
        n_boxes > 0 AS is_boxed
    FROM current_predictions
),

turns AS (
    SELECT
        instance_key,
        is_annotated,
        row_number() OVER (PARTITION BY finding ORDER BY is_annotated DESC, instance_key ASC) AS turn
    FROM candidates
    WHERE is_annotated OR is_boxed
),

chosen AS (
    SELECT
        instance_key,
        max(is_annotated) AS is_annotated,
        min(turn) AS turn
    FROM turns
    GROUP BY instance_key
)

SELECT
    films.instance_key,
    films.source_uri,
    films.frame,
    films.rows,
    films.columns,
    films.view_position,
    films.sex,
    films.age_years,
    films.study_year,
    films.study_month
FROM chosen
INNER JOIN current_instances AS films ON chosen.instance_key = films.instance_key
WHERE NOT films.vanished AND films.state != 'rejected'
ORDER BY chosen.is_annotated DESC, chosen.turn ASC, chosen.instance_key ASC
LIMIT $films;
