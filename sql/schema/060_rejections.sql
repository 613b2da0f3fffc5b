CREATE TABLE rejections (
    run_id VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    model_digest VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    source_uri VARCHAR NOT NULL,
    frame INTEGER NOT NULL,
    reason_code VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    message VARCHAR NOT NULL
);

COMMENT ON TABLE rejections IS 'Why instances have no prediction: one row per rejected instance.';
COMMENT ON COLUMN rejections.run_id IS 'Run that harvested the row; runs.run_id.';
COMMENT ON COLUMN rejections.instance_key IS 'Keyed pseudonym of the SOP instance (or, without one, of the path) and frame; unique under one config_fingerprint.';
COMMENT ON COLUMN rejections.model_digest IS 'SHA-256 of the model bundle.';
COMMENT ON COLUMN rejections.config_fingerprint IS 'Names model, settings, precision and kind of processor: within it rows repeat exactly.';
COMMENT ON COLUMN rejections.source_uri IS 'As in instances.';
COMMENT ON COLUMN rejections.frame IS 'Frame number, from 1.';
COMMENT ON COLUMN rejections.reason_code IS 'One of a closed list.';
COMMENT ON COLUMN rejections.stage IS 'read, header, gate, decode, predict or settle.';
COMMENT ON COLUMN rejections.message IS 'One sentence, free of any value of the object.';
