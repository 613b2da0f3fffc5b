-- Invariant: Every rejected instance has exactly one rejection with the same reason, and no other has one.
SELECT
    coalesce(films.instance_key, rejections.instance_key) AS instance_key,
    films.reason_code AS expected,
    rejections.reason_code AS found
FROM (SELECT * FROM instances WHERE state = 'rejected') AS films
FULL OUTER JOIN rejections
    ON
        films.instance_key = rejections.instance_key
        AND films.config_fingerprint = rejections.config_fingerprint
WHERE films.reason_code IS DISTINCT FROM rejections.reason_code;
