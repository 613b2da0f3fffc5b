CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    status VARCHAR NOT NULL CHECK (status IN ('running', 'complete', 'paused', 'aborted', 'failed')),
    archive VARCHAR NOT NULL,
    bundle VARCHAR NOT NULL,
    model_digest VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    engine VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    objects BIGINT,
    instances BIGINT,
    localized BIGINT,
    no_finding BIGINT,
    rejected BIGINT,
    boxes BIGINT,
    version VARCHAR NOT NULL,
    config VARCHAR NOT NULL,
    chosen BOOLEAN NOT NULL
);

COMMENT ON TABLE runs IS 'Runs, one row each, every status.';
COMMENT ON COLUMN runs.run_id IS 'Sorts by time.';
COMMENT ON COLUMN runs.status IS 'running, complete, paused (the next run goes on), aborted (too much was rejected; its rows were removed) or failed (cut off).';
COMMENT ON COLUMN runs.archive IS 'Name of the archive, a pseudonym unless identifiers were kept.';
COMMENT ON COLUMN runs.bundle IS 'Name of the model bundle.';
COMMENT ON COLUMN runs.model_digest IS 'SHA-256 of the model bundle.';
COMMENT ON COLUMN runs.config_fingerprint IS 'Settings under which the run''s rows stand.';
COMMENT ON COLUMN runs.engine IS 'Kind of processor, precision and films per pass, for example cpu-bf16-4.';
COMMENT ON COLUMN runs.started_at IS 'First start, UTC.';
COMMENT ON COLUMN runs.finished_at IS 'End, UTC; null while it runs.';
COMMENT ON COLUMN runs.objects IS 'Files harvested by the run that still stand.';
COMMENT ON COLUMN runs.instances IS 'Rows of instances of the run.';
COMMENT ON COLUMN runs.localized IS 'Of these, with at least one gated finding.';
COMMENT ON COLUMN runs.no_finding IS 'Of these, with none.';
COMMENT ON COLUMN runs.rejected IS 'Of these, without prediction.';
COMMENT ON COLUMN runs.boxes IS 'Rows of boxes of the run.';
COMMENT ON COLUMN runs.version IS 'Version of iam-harvest.';
COMMENT ON COLUMN runs.config IS 'All settings, JSON.';
COMMENT ON COLUMN runs.chosen IS 'Whether its model was chosen with iam-harvest use.';
