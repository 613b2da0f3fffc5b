-- What every question about boxes needs, and no more: narrow, so that ten million rows are read at once. Stored when
-- the snapshot is made.
-- Grain: one row per harvested box of the current settings.
CREATE TABLE film_boxes AS
WITH lungs AS (
    SELECT
        max(x_min) FILTER (WHERE side = 'right') AS right_from,
        max(x_max) FILTER (WHERE side = 'right') AS right_to,
        max(x_min) FILTER (WHERE side = 'left') AS left_from,
        max(x_max) FILTER (WHERE side = 'left') AS left_to,
        max(y_min) AS top,
        max(y_max) AS bottom
    FROM lung_fields
),

placed AS (
    SELECT
        films.film,
        boxes.rowid AS box,
        boxes.finding,
        boxes.rank,
        boxes.probability,
        boxes.width_mm,
        boxes.height_mm,
        boxes.x_min / films.columns AS left_share,
        boxes.x_max / films.columns AS right_share,
        boxes.y_min / films.rows AS top_share,
        boxes.y_max / films.rows AS bottom_share
    FROM boxes
    INNER JOIN films ON boxes.instance_key = films.instance_key AND boxes.config_fingerprint = films.config_fingerprint
)

SELECT
    placed.film,
    placed.box,
    placed.finding,
    placed.rank,
    placed.probability,
    placed.width_mm,
    placed.height_mm,
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
    least(
        (
            greatest(least(right_share, lungs.right_to) - greatest(left_share, lungs.right_from), 0)
            + greatest(least(right_share, lungs.left_to) - greatest(left_share, lungs.left_from), 0)
        )
        * greatest(least(bottom_share, lungs.bottom) - greatest(top_share, lungs.top), 0)
        / ((right_share - left_share) * (bottom_share - top_share)),
        1
    ) AS share_in_lungs
FROM placed
CROSS JOIN lungs
ORDER BY placed.film, placed.finding, placed.rank;

COMMENT ON TABLE film_boxes IS 'Where boxes lie: one row per harvested box of the current settings.';
COMMENT ON COLUMN film_boxes.film IS 'films.film.';
COMMENT ON COLUMN film_boxes.box IS 'Number of the row in boxes, in this snapshot.';
COMMENT ON COLUMN film_boxes.centre_x_share IS 'Centre of the box, share of the film''s width from the left.';
COMMENT ON COLUMN film_boxes.centre_y_share IS 'Centre of the box, share of the film''s height from the top.';
COMMENT ON COLUMN film_boxes.area_share IS 'Area of the box, share of the film''s.';
COMMENT ON COLUMN film_boxes.area_cm2 IS 'Area of the box, square centimetres; null where the spacing is unknown.';
COMMENT ON COLUMN film_boxes.side IS 'The patient''s side (right is left in the picture) of an upright film: right, left or middle.';
COMMENT ON COLUMN film_boxes.zone IS 'upper, middle or lower third of the lung fields.';
COMMENT ON COLUMN film_boxes.share_in_lungs IS 'Share of the box''s area inside lung_fields, 0 to 1.';
