-- What the label table says of a film, and where the network looks.
-- Grain: one row per film and finding of the current settings; films that the label table names.
CREATE VIEW label_agreement AS
SELECT
    instance_key,
    source_uri,
    finding,
    labeled,
    seen,
    probability,
    gate,
    share_in_lungs,
    CASE
        WHEN labeled AND seen THEN 'labeled and seen'
        WHEN labeled THEN 'labeled, not seen'
        WHEN seen THEN 'seen, not labeled'
        ELSE 'neither'
    END AS agreement
FROM predictions_with_film
WHERE labeled IS NOT NULL;

COMMENT ON COLUMN label_agreement.share_in_lungs IS 'Of the first box, 0 to 1; null without a box.';
COMMENT ON COLUMN label_agreement.agreement IS 'labeled and seen; labeled, not seen; seen, not labeled; neither.';
