-- Boxes with what is known of film, patient and run. Large lakes answer sooner from film_boxes, which has no text of
-- patient or source.
-- Grain: one row per harvested box of the current settings.
CREATE VIEW boxes_with_film AS
SELECT
    boxes.*,
    runs.bundle,
    films.patient_key,
    coalesce(films.study_key, films.instance_key) AS study_key,
    films.modality,
    films.view_position,
    films.sex,
    films.age_years,
    films.manufacturer,
    films.study_year,
    films.study_month,
    films.days_since_first_study,
    films.rows AS film_rows,
    films.columns AS film_columns,
    film_boxes.centre_x_share,
    film_boxes.centre_y_share,
    film_boxes.area_share,
    film_boxes.area_cm2,
    film_boxes.side,
    film_boxes.zone,
    film_boxes.share_in_lungs
FROM film_boxes
INNER JOIN boxes ON film_boxes.box = boxes.rowid
INNER JOIN films ON film_boxes.film = films.film
INNER JOIN runs ON boxes.run_id = runs.run_id;

COMMENT ON COLUMN boxes_with_film.film_rows IS 'Rows of the stored image, pixels.';
COMMENT ON COLUMN boxes_with_film.film_columns IS 'Columns of the stored image, pixels.';
