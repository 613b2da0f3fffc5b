-- Films on which the network sees a finding, by scanner.
-- Grain: one row per finding, manufacturer and model; null: the file does not say.
SELECT
    finding,
    manufacturer,
    manufacturer_model_name AS model,
    count(*) AS films,
    count(*) FILTER (WHERE seen) AS seen
FROM film_findings
GROUP BY finding, manufacturer, manufacturer_model_name
ORDER BY finding, manufacturer, model;
