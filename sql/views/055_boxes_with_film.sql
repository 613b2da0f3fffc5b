-- Boxes with what is known of film, patient and run. Stored when the snapshot is made: joining anew would cost
-- every question seconds at ten million boxes.
-- Grain: one row per harvested box of the current settings.
CREATE TABLE boxes_with_film AS
WITH placed AS (
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
        boxes.x_min / films.columns AS left_share,
        boxes.x_max / films.columns AS right_share,
        boxes.y_min / films.rows AS top_share,
        boxes.y_max / films.rows AS bottom_share
    FROM current_boxes AS boxes
    INNER JOIN current_instances AS films ON boxes.instance_key = films.instance_key
    INNER JOIN runs ON boxes.run_id = runs.run_id
)

SELECT
    placed.* EXCLUDE (left_share, right_share, top_share, bottom_share),
    (left_share + right_share) / 2 AS centre_x_share,
    (top_share + bottom_share) / 2 AS centre_y_share,
    (right_share - left_share) * (bottom_share - top_share) AS area_share,
    width_mm * height_mm / 100 AS area_cm2,
    CASE
        WHEN left_share + right_share < 0.96 THEN 'right'
        WHEN left_share + right_share > 1.04 THEN 'left'
        ELSE 'middle'
    END AS side,
    CASE
        WHEN top_share + bottom_share < 0.7 THEN 'upper'
        WHEN top_share + bottom_share < 1.22 THEN 'middle'
        ELSE 'lower'
    END AS zone,
    least((
        SELECT
            sum(
                greatest(least(right_share, lungs.x_max) - greatest(left_share, lungs.x_min), 0)
                * greatest(least(bottom_share, lungs.y_max) - greatest(top_share, lungs.y_min), 0)
            )
        FROM lung_fields AS lungs
    ) / ((right_share - left_share) * (bottom_share - top_share)), 1) AS share_in_lungs
FROM placed
ORDER BY finding, instance_key, rank;

COMMENT ON TABLE boxes_with_film IS 'Boxes with film, patient and run: one row per harvested box of the current settings.';
COMMENT ON COLUMN boxes_with_film.centre_x_share IS 'Centre of the box, share of the film''s width from the left.';
COMMENT ON COLUMN boxes_with_film.centre_y_share IS 'Centre of the box, share of the film''s height from the top.';
COMMENT ON COLUMN boxes_with_film.area_share IS 'Area of the box, share of the film''s.';
COMMENT ON COLUMN boxes_with_film.area_cm2 IS 'Area of the box, square centimetres; null where the spacing is unknown.';
COMMENT ON COLUMN boxes_with_film.side IS 'The patient''s side (right is left in the picture) of an upright film: right, left or middle.';
COMMENT ON COLUMN boxes_with_film.zone IS 'upper, middle or lower third of the lung fields.';
COMMENT ON COLUMN boxes_with_film.share_in_lungs IS 'Share of the box''s area inside lung_fields, 0 to 1.';
COMMENT ON COLUMN boxes_with_film.film_rows IS 'Rows of the stored image, pixels.';
COMMENT ON COLUMN boxes_with_film.film_columns IS 'Columns of the stored image, pixels.';
