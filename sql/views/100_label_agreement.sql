-- What the label table says of a film, and where the network looks.
-- Grain: one row per film and finding of the current settings; films that the label table names.
CREATE VIEW label_agreement AS
WITH first_boxes AS (
    SELECT
        instance_key,
        finding,
        share_in_lungs
    FROM boxes_with_film
    WHERE rank = 1
)

SELECT
    predictions.instance_key,
    predictions.source_uri,
    predictions.finding,
    predictions.labeled,
    predictions.seen,
    predictions.probability,
    predictions.gate,
    boxes.share_in_lungs,
    CASE
        WHEN predictions.labeled AND predictions.seen THEN 'labeled and seen'
        WHEN predictions.labeled THEN 'labeled, not seen'
        WHEN predictions.seen THEN 'seen, not labeled'
        ELSE 'neither'
    END AS agreement
FROM predictions_with_film AS predictions
LEFT JOIN first_boxes AS boxes
    ON predictions.instance_key = boxes.instance_key AND predictions.finding = boxes.finding
WHERE predictions.labeled IS NOT NULL;

COMMENT ON COLUMN label_agreement.share_in_lungs IS 'Of the first box, 0 to 1; null without a box.';
COMMENT ON COLUMN label_agreement.agreement IS 'labeled and seen; labeled, not seen; seen, not labeled; neither.';
