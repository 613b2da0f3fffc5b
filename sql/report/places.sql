-- Where first boxes lie: their corners on a grid over the film, signed so that sums over rows and columns count boxes.
-- Grain: one row per finding and corner of the grid (x to the right, y down, each 0 to $cells).
WITH placed AS (
    SELECT
        finding,
        floor(x_min / film_columns * $cells)::INTEGER AS x_min,
        floor(y_min / film_rows * $cells)::INTEGER AS y_min,
        ceil(x_max / film_columns * $cells)::INTEGER AS x_max,
        ceil(y_max / film_rows * $cells)::INTEGER AS y_max
    FROM boxes_with_film
    WHERE rank = 1
),

corners AS (
    SELECT
        finding,
        x_min AS x,
        y_min AS y,
        1 AS sign
    FROM placed
    UNION ALL
    SELECT
        finding,
        x_max AS x,
        y_min AS y,
        -1 AS sign
    FROM placed
    UNION ALL
    SELECT
        finding,
        x_min AS x,
        y_max AS y,
        -1 AS sign
    FROM placed
    UNION ALL
    SELECT
        finding,
        x_max AS x,
        y_max AS y,
        1 AS sign
    FROM placed
)

SELECT
    finding,
    x,
    y,
    sum(sign)::BIGINT AS boxes
FROM corners
GROUP BY ALL;
