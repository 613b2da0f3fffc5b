-- Distribution of the probability.
-- Grain: one row per finding, bin (from 0, equal widths over [0, 1]) and whether the finding was boxed.
SELECT
    finding,
    gated,
    least(floor(probability * $bins), $bins - 1)::INTEGER AS bin,
    count(*) AS films
FROM current_predictions
GROUP BY ALL;
