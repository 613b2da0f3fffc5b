CREATE TABLE annotated_boxes (
    annotation_set VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    finding VARCHAR NOT NULL,
    x_min DOUBLE NOT NULL,
    y_min DOUBLE NOT NULL,
    x_max DOUBLE NOT NULL,
    y_max DOUBLE NOT NULL,
    CHECK (x_min < x_max AND y_min < y_max)
);

COMMENT ON TABLE annotated_boxes IS 'Boxes that people drew or corrected, imported; pixels of the stored image, half-open.';
COMMENT ON COLUMN annotated_boxes.annotation_set IS 'Names the imported file: start of its SHA-256.';
COMMENT ON COLUMN annotated_boxes.instance_key IS 'As in instances.';
COMMENT ON COLUMN annotated_boxes.finding IS 'One of findings.finding.';
COMMENT ON COLUMN annotated_boxes.x_min IS 'Left edge, pixels from the left.';
COMMENT ON COLUMN annotated_boxes.y_min IS 'Top edge, pixels from the top.';
COMMENT ON COLUMN annotated_boxes.x_max IS 'Right edge, pixels, not included.';
COMMENT ON COLUMN annotated_boxes.y_max IS 'Bottom edge, pixels, not included.';
