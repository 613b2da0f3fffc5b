-- The settings that the current_ views follow: of the latest complete run, that of the chosen model where there is one;
-- of the latest paused one while none is complete.
-- Grain: at most one row.
CREATE VIEW current_fingerprint AS
SELECT config_fingerprint
FROM runs
WHERE status IN ('complete', 'paused')
ORDER BY chosen DESC, status = 'complete' DESC, finished_at DESC, run_id DESC
LIMIT 1;
