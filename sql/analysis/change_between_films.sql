-- Question: From one day with films to the next, how often does a finding appear, grow, shrink or resolve?
-- Grain: one row per finding and change
-- Parameters: finding (text, default all): one finding, or all; times (number, default 1.5): area that counts as grown
-- Reads: patient_course
SELECT
    finding,
    CASE
        WHEN present AND NOT present_before THEN 'new'
        WHEN present_before AND NOT present THEN 'resolved'
        WHEN coalesce(area_cm2 / area_cm2_before, area_share / area_share_before) >= $times THEN 'grown'
        WHEN coalesce(area_cm2 / area_cm2_before, area_share / area_share_before) <= 1 / $times THEN 'smaller'
        ELSE 'as before'
    END AS change,
    count(*) AS intervals,
    median(days_since_first_study - day_before) AS median_days
FROM patient_course
WHERE (present OR present_before) AND day_before IS NOT NULL AND ($finding = 'all' OR finding = $finding)
GROUP BY finding, change
ORDER BY finding, change;
