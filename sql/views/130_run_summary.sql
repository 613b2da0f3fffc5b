-- Runs with their duration.
-- Grain: one row per run.
CREATE VIEW run_summary AS
SELECT
    run_id,
    status,
    archive,
    bundle,
    started_at,
    date_diff('second', started_at, finished_at) AS seconds,
    instances,
    localized,
    no_finding,
    rejected,
    boxes
FROM runs
ORDER BY run_id;

COMMENT ON COLUMN run_summary.seconds IS 'From first start to end.';
