-- Where the lungs lie on a frontal film, roughly: a prior, not a segmentation. Of the area of radiologists' boxes in
-- ChestX-ray14 (cardiomegaly aside) 97 % lies inside. Edges are shares of the width and height of an upright film.
-- Grain: one row per lung.
CREATE VIEW lung_fields AS
SELECT
    'right' AS side,
    0.05 AS x_min,
    0.08 AS y_min,
    0.48 AS x_max,
    0.88 AS y_max
UNION ALL
SELECT
    'left' AS side,
    0.52 AS x_min,
    0.08 AS y_min,
    0.95 AS x_max,
    0.88 AS y_max;
