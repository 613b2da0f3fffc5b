-- Question: On which side and in which zone of the lungs does a finding lie?
-- Grain: one row per finding, side and zone
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_boxes
SELECT
    finding,
    side,
    zone,
    count(*) AS films,
    round(count(*) / sum(count(*)) OVER (PARTITION BY finding), 3) AS share_of_finding
FROM film_boxes
WHERE rank = 1 AND ($finding = 'all' OR finding = $finding)
GROUP BY finding, side, zone
ORDER BY finding, side DESC, zone DESC;
