-- Question: How much of the attention lies outside of the lung fields, where most findings cannot be?
-- Grain: one row per finding
-- Parameters: share (number, default 0.5): of a box in the lung fields, below which it counts as outside
-- Reads: film_boxes
SELECT
    finding,
    count(*) AS films,
    round(avg(1 - share_in_lungs), 3) AS mean_share_outside,
    count(*) FILTER (WHERE share_in_lungs < $share) AS films_outside,
    round(count(*) FILTER (WHERE share_in_lungs < $share) / count(*), 3) AS share_of_films_outside
FROM film_boxes
WHERE rank = 1
GROUP BY finding
ORDER BY mean_share_outside DESC, finding;
