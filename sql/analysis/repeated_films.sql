-- Question: Which films are in the archive more than once?
-- Grain: one row per SOP instance in several files, and per picture (equal pixels) under several SOP instance UIDs
-- Parameters: none
-- Reads: current_instances
SELECT
    'same instance' AS kind,
    count(*) AS copies,
    count(*) FILTER (WHERE state <> 'rejected') AS harvested,
    count(DISTINCT patient_key) AS patients,
    list(source_uri ORDER BY source_uri) AS source_uris
FROM current_instances
WHERE sop_key IS NOT NULL
GROUP BY sop_key, frame
HAVING count(*) > 1
UNION ALL
SELECT
    'same pixels' AS kind,
    count(*) AS copies,
    count(*) FILTER (WHERE state <> 'rejected') AS harvested,
    count(DISTINCT patient_key) AS patients,
    list(source_uri ORDER BY source_uri) AS source_uris
FROM current_instances
WHERE pixel_key IS NOT NULL
GROUP BY pixel_key
HAVING count(DISTINCT coalesce(sop_key, source_uri)) > 1
ORDER BY kind, copies DESC, source_uris;
