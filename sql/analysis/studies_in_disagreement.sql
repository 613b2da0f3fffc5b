-- Question: In which studies do the films disagree about a finding?
-- Grain: one row per study and finding
-- Parameters: finding (text, default all): one finding, or all; limit (integer, default 20): number of rows
-- Reads: findings_per_study
SELECT
    study_key,
    finding,
    films,
    films_with_finding,
    round(highest_probability, 3) AS highest_probability
FROM findings_per_study
WHERE films_with_finding BETWEEN 1 AND films - 1 AND ($finding = 'all' OR finding = $finding)
ORDER BY findings_per_study.highest_probability DESC, study_key, finding
LIMIT $limit;
