-- Invariant: Ranks of a film and finding are 1, 2, 3 ... without gap or repeat.
SELECT
    instance_key,
    config_fingerprint,
    finding
FROM boxes
GROUP BY instance_key, config_fingerprint, finding
HAVING max(rank) != count(*) OR bit_count(bit_or(1::HUGEINT << rank)) != count(*);
