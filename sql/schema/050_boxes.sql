CREATE TABLE boxes (
    run_id VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    model_digest VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    source_uri VARCHAR NOT NULL,
    finding VARCHAR NOT NULL,
    rank INTEGER NOT NULL CHECK (rank >= 1),
    mean_attention DOUBLE NOT NULL CHECK (mean_attention BETWEEN 0 AND 1),
    probability DOUBLE NOT NULL CHECK (probability BETWEEN 0 AND 1),
    x_min DOUBLE NOT NULL CHECK (x_min >= 0),
    y_min DOUBLE NOT NULL CHECK (y_min >= 0),
    x_max DOUBLE NOT NULL,
    y_max DOUBLE NOT NULL,
    width_mm DOUBLE,
    height_mm DOUBLE,
    threshold DOUBLE NOT NULL,
    CHECK (x_min < x_max AND y_min < y_max)
);

COMMENT ON TABLE boxes IS 'Harvested boxes, pixels of the stored image, half-open.';
COMMENT ON COLUMN boxes.run_id IS 'Run that harvested the row; runs.run_id.';
COMMENT ON COLUMN boxes.instance_key IS 'Keyed pseudonym of the SOP instance (or, without one, of the path) and frame; unique under one config_fingerprint.';
COMMENT ON COLUMN boxes.model_digest IS 'SHA-256 of the model bundle.';
COMMENT ON COLUMN boxes.config_fingerprint IS 'Names model, settings, precision and kind of processor: within it rows repeat exactly.';
COMMENT ON COLUMN boxes.source_uri IS 'As in instances.';
COMMENT ON COLUMN boxes.finding IS 'One of findings.finding.';
COMMENT ON COLUMN boxes.rank IS 'Order within film and finding, from 1 (best).';
COMMENT ON COLUMN boxes.mean_attention IS 'Mean of the normalised merged attention inside the box, 0 to 1.';
COMMENT ON COLUMN boxes.probability IS 'Of the finding on the film, 0 to 1.';
COMMENT ON COLUMN boxes.x_min IS 'Left edge, pixels from the left.';
COMMENT ON COLUMN boxes.y_min IS 'Top edge, pixels from the top.';
COMMENT ON COLUMN boxes.x_max IS 'Right edge, pixels, not included.';
COMMENT ON COLUMN boxes.y_max IS 'Bottom edge, pixels, not included.';
COMMENT ON COLUMN boxes.width_mm IS 'Width, mm; null where the spacing is unknown.';
COMMENT ON COLUMN boxes.height_mm IS 'Height, mm; null where the spacing is unknown.';
COMMENT ON COLUMN boxes.threshold IS 'Of the normalised merged attention, at which the box was cut, 0 to 1.';
