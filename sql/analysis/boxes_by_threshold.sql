-- Question: How much do the boxes of a finding depend on the threshold at which the attention is cut?
-- Grain: one row per finding; 1: the smallest and the largest box of a film are the same
-- Parameters: none
-- Reads: film_boxes
WITH films AS (
    SELECT
        finding,
        min(area_share) / max(area_share) AS smallest_of_largest
    FROM film_boxes
    GROUP BY finding, film
)

SELECT
    finding,
    count(*) AS films,
    round(approx_quantile(smallest_of_largest, 0.1), 3) AS tenth_lowest,
    round(approx_quantile(smallest_of_largest, 0.5), 3) AS median,
    round(approx_quantile(smallest_of_largest, 0.9), 3) AS tenth_highest
FROM films
GROUP BY finding
ORDER BY finding;
