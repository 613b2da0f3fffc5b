CREATE TABLE box_stability (
    config_fingerprint VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    finding VARCHAR NOT NULL,
    shift_x INTEGER NOT NULL,
    shift_y INTEGER NOT NULL,
    probability DOUBLE NOT NULL CHECK (probability BETWEEN 0 AND 1),
    shifted_probability DOUBLE NOT NULL CHECK (shifted_probability BETWEEN 0 AND 1),
    gated BOOLEAN NOT NULL,
    shifted_gated BOOLEAN NOT NULL,
    iou DOUBLE CHECK (iou BETWEEN 0 AND 1),
    CHECK (gated OR shifted_gated)
);

COMMENT ON TABLE box_stability IS 'Films of a random pick localized again with their input moved: one row per film, finding and shift; findings boxed before or after.';
COMMENT ON COLUMN box_stability.config_fingerprint IS 'Settings under which it was measured.';
COMMENT ON COLUMN box_stability.instance_key IS 'As in instances.';
COMMENT ON COLUMN box_stability.finding IS 'One of findings.finding.';
COMMENT ON COLUMN box_stability.shift_x IS 'To the right, pixels of the network''s input.';
COMMENT ON COLUMN box_stability.shift_y IS 'Downwards, pixels of the network''s input.';
COMMENT ON COLUMN box_stability.probability IS 'Of the finding on the film as it is, 0 to 1.';
COMMENT ON COLUMN box_stability.shifted_probability IS 'On the moved film, 0 to 1.';
COMMENT ON COLUMN box_stability.gated IS 'Whether the finding is boxed on the film as it is.';
COMMENT ON COLUMN box_stability.shifted_gated IS 'Whether it is on the moved film.';
COMMENT ON COLUMN box_stability.iou IS 'Intersection over union of the two first boxes, the second moved back; null where one is missing.';
