-- Question: Where do header and pixels disagree on what is a frontal chest film?
-- Grain: one row per verdict of the header, verdict of the pixels and state
-- Parameters: none
-- Reads: current_instances
SELECT
    coalesce(header_verdict, 'no header') AS header_verdict,
    coalesce(pixel_verdict, 'not decoded') AS pixel_verdict,
    state,
    count(*) AS instances,
    round(min(pixel_probability), 4) AS lowest_pixel_probability
FROM current_instances
GROUP BY ALL
ORDER BY instances DESC, header_verdict, pixel_verdict, state;
