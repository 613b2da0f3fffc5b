CREATE TABLE findings (
    ordinal INTEGER NOT NULL,
    finding VARCHAR PRIMARY KEY,
    has_annotated_boxes BOOLEAN NOT NULL
);

COMMENT ON TABLE findings IS 'The fourteen findings of ChestX-ray14.';
COMMENT ON COLUMN findings.ordinal IS 'Place in every list of findings, from 1.';
COMMENT ON COLUMN findings.finding IS 'Name.';
COMMENT ON COLUMN findings.has_annotated_boxes IS 'Whether radiologists drew boxes of it in ChestX-ray14.';
