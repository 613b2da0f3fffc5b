-- The settings of the latest complete run: what the current_ views follow.
-- Grain: at most one row.
CREATE VIEW current_fingerprint AS
SELECT config_fingerprint
FROM runs
WHERE status = 'complete'
ORDER BY finished_at DESC, run_id DESC
LIMIT 1;
