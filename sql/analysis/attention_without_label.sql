-- Question: On which films does the network see a finding in the lungs that the label table does not name?
-- Grain: one row per film and finding, most probable first
-- Parameters: finding (text, default all): one finding, or all;
--     share (number, default 0.5): of the first box that must lie in the lung fields;
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
    agreement = 'seen, not labeled'
    AND share_in_lungs >= $share
    AND ($finding = 'all' OR finding = $finding)
ORDER BY label_agreement.probability DESC, source_uri, finding
LIMIT $limit;
