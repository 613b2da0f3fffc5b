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
),

findings AS (
    SELECT
        finding,
        count(*) AS films,
        quantile_cont(smallest_of_largest, [0.1, 0.5, 0.9]) AS quantiles
    FROM films
    GROUP BY finding
)

SELECT
    finding,
    films,
    round(quantiles[1], 3) AS tenth_lowest,
    round(quantiles[2], 3) AS median,
    round(quantiles[3], 3) AS tenth_highest
FROM findings
ORDER BY finding;
