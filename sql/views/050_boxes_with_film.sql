-- Boxes with what is known of film and patient.
-- Grain: one row per harvested box of the current settings.
CREATE VIEW boxes_with_film AS
SELECT
    boxes.*,
    films.patient_key,
    films.study_key,
    films.modality,
    films.view_position,
    films.sex,
    films.age_years,
    films.study_year,
    films.study_month,
    films.days_since_first_study,
    films.rows AS film_rows,
    films.columns AS film_columns,
    (boxes.x_min + boxes.x_max) / 2 / films.columns AS centre_x_share,
    (boxes.y_min + boxes.y_max) / 2 / films.rows AS centre_y_share,
    (boxes.x_max - boxes.x_min) * (boxes.y_max - boxes.y_min) / (films.rows * films.columns) AS area_share
FROM current_boxes AS boxes
INNER JOIN current_instances AS films ON boxes.instance_key = films.instance_key;
