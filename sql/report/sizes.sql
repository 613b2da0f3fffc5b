-- Distribution of the size of first boxes: side of the square of equal area, as a share of the film's.
-- Grain: one row per finding and bin (from 0, equal widths over [0, 1]).
SELECT
    finding,
    least(floor(sqrt(area_share) * $bins), $bins - 1)::INTEGER AS bin,
    count(*) AS boxes
FROM boxes_with_film
WHERE rank = 1
GROUP BY ALL;
