-- Question: Which films carry a label for which the network sees nothing in the lungs?
-- Grain: one row per film and finding, least probable first
-- Parameters: finding (text, default all): one finding, or all;
--     share (number, default 0.5): of the first box in the lung fields, below which it counts as outside;
--     limit (integer, default 20): number of rows
-- Reads: label_agreement
SELECT
    source_uri,
    finding,
    round(probability, 3) AS probability,
    gate,
    round(share_in_lungs, 2) AS share_in_lungs
FROM label_agreement
WHERE
    labeled
    AND (NOT seen OR share_in_lungs < $share)
    AND ($finding = 'all' OR finding = $finding)
ORDER BY label_agreement.probability, source_uri, finding
LIMIT $limit;
