-- Invariant: An instance is rejected once.
SELECT
    instance_key,
    config_fingerprint,
    count(*) AS times
FROM rejections
GROUP BY instance_key, config_fingerprint
HAVING count(*) > 1;
