CREATE TABLE predictions (
    run_id VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    model_digest VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    finding VARCHAR NOT NULL,
    probability DOUBLE NOT NULL CHECK (probability BETWEEN 0 AND 1),
    gate DOUBLE NOT NULL,
    labeled BOOLEAN,
    gated BOOLEAN NOT NULL,
    n_boxes INTEGER NOT NULL CHECK (n_boxes >= 0),
    iteration_peaks FLOAT[]
);

COMMENT ON TABLE predictions IS 'What the network says: one row per predicted instance and finding.';
COMMENT ON COLUMN predictions.run_id IS 'Run that harvested the row; runs.run_id.';
COMMENT ON COLUMN predictions.instance_key IS 'Keyed pseudonym of the SOP instance (or, without one, of the path) and frame; unique under one config_fingerprint.';
COMMENT ON COLUMN predictions.model_digest IS 'SHA-256 of the model bundle.';
COMMENT ON COLUMN predictions.config_fingerprint IS 'Names model, settings, precision and kind of processor: within it rows repeat exactly.';
COMMENT ON COLUMN predictions.finding IS 'One of findings.finding.';
COMMENT ON COLUMN predictions.probability IS 'Sigmoid of the first network''s logit, 0 to 1.';
COMMENT ON COLUMN predictions.gate IS 'Operating point: the finding counts as present at or above it, 0 to 1.';
COMMENT ON COLUMN predictions.labeled IS 'Whether the label table asserts the finding; null where it has no row for the film.';
COMMENT ON COLUMN predictions.gated IS 'Whether the finding was boxed.';
COMMENT ON COLUMN predictions.n_boxes IS 'Rows of boxes; a gated finding may have none (constant map).';
COMMENT ON COLUMN predictions.iteration_peaks IS 'Largest value of each iteration''s attention map, in the map''s own unit.';
