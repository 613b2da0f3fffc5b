-- Invariant: An instance stands once under one configuration.
SELECT
    instance_key,
    config_fingerprint,
    count(*) AS times
FROM instances
GROUP BY instance_key, config_fingerprint
HAVING count(*) > 1;
