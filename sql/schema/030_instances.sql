CREATE TABLE instances (
    run_id VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    model_digest VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    object_key VARCHAR NOT NULL,
    source_uri VARCHAR NOT NULL,
    frame INTEGER NOT NULL CHECK (frame >= 1),
    state VARCHAR NOT NULL CHECK (state IN ('localized', 'no_finding', 'rejected')),
    reason_code VARCHAR,
    stage VARCHAR,
    header_verdict VARCHAR,
    pixel_verdict VARCHAR CHECK (pixel_verdict IN ('chest', 'turned', 'other')),
    pixel_probability DOUBLE CHECK (pixel_probability BETWEEN 0 AND 1),
    rows INTEGER,
    columns INTEGER,
    pixel_spacing_row_mm DOUBLE,
    pixel_spacing_column_mm DOUBLE,
    spacing_source VARCHAR,
    decode_recipe VARCHAR,
    flags VARCHAR[],
    pixel_key VARCHAR,
    patient_key VARCHAR,
    study_key VARCHAR,
    series_key VARCHAR,
    sop_key VARCHAR,
    modality VARCHAR,
    view_position VARCHAR,
    sex VARCHAR,
    age_years DOUBLE,
    manufacturer VARCHAR,
    manufacturer_model_name VARCHAR,
    study_year INTEGER,
    study_month INTEGER,
    days_since_first_study INTEGER,
    vanished BOOLEAN NOT NULL,
    CHECK ((state = 'rejected') = (reason_code IS NOT NULL))
);

COMMENT ON TABLE instances IS 'One row per object and frame, whatever became of it.';
COMMENT ON COLUMN instances.run_id IS 'Run that harvested the row; runs.run_id.';
COMMENT ON COLUMN instances.instance_key IS 'Keyed pseudonym of the SOP instance (or, without one, of the path) and frame; unique under one config_fingerprint.';
COMMENT ON COLUMN instances.model_digest IS 'SHA-256 of the model bundle.';
COMMENT ON COLUMN instances.config_fingerprint IS 'Names model, settings, precision and kind of processor: within it rows repeat exactly.';
COMMENT ON COLUMN instances.object_key IS 'Keyed pseudonym of the file: links its frames.';
COMMENT ON COLUMN instances.source_uri IS 'Archive name and path where identifiers are kept, else a keyed pseudonym of them.';
COMMENT ON COLUMN instances.frame IS 'Frame number, from 1.';
COMMENT ON COLUMN instances.state IS 'localized: at least one finding gated; no_finding: none; rejected: no prediction, see reason_code.';
COMMENT ON COLUMN instances.reason_code IS 'Why it was rejected, one of a closed list; null otherwise.';
COMMENT ON COLUMN instances.stage IS 'Where it was rejected: read, header, gate, decode, predict or settle; null otherwise.';
COMMENT ON COLUMN instances.header_verdict IS 'chest, or the reason code of what the header says against a frontal chest film, also where it was overruled; null without a header.';
COMMENT ON COLUMN instances.pixel_verdict IS 'chest; turned: a chest that does not stand upright; other; null where the film was not decoded.';
COMMENT ON COLUMN instances.pixel_probability IS 'Probability of a frontal chest film by the pixels, in the best of all turns.';
COMMENT ON COLUMN instances.rows IS 'Rows of the stored image, pixels.';
COMMENT ON COLUMN instances.columns IS 'Columns of the stored image, pixels.';
COMMENT ON COLUMN instances.pixel_spacing_row_mm IS 'Distance between rows, mm; null where unknown.';
COMMENT ON COLUMN instances.pixel_spacing_column_mm IS 'Distance between columns, mm; null where unknown.';
COMMENT ON COLUMN instances.spacing_source IS 'pixel_spacing (at the patient or calibrated) or imager_pixel_spacing (at the detector).';
COMMENT ON COLUMN instances.decode_recipe IS 'How the pixels came about, JSON.';
COMMENT ON COLUMN instances.flags IS 'What is unusual about the file or the film (docs/dicom.md); empty for nothing.';
COMMENT ON COLUMN instances.pixel_key IS 'Keyed digest of the decoded pixels: equal for equal pixels; null where the film was not decoded.';
COMMENT ON COLUMN instances.patient_key IS 'Patient, a keyed pseudonym unless identifiers were kept.';
COMMENT ON COLUMN instances.study_key IS 'Study Instance UID, a pseudonymous 2.25. UID unless identifiers were kept.';
COMMENT ON COLUMN instances.series_key IS 'Series Instance UID, likewise.';
COMMENT ON COLUMN instances.sop_key IS 'SOP Instance UID, likewise.';
COMMENT ON COLUMN instances.modality IS 'DICOM Modality: CR, DX ...';
COMMENT ON COLUMN instances.view_position IS 'DICOM View Position: PA, AP ...';
COMMENT ON COLUMN instances.sex IS 'M, F or O.';
COMMENT ON COLUMN instances.age_years IS 'Age at the study, years, capped at 89.';
COMMENT ON COLUMN instances.manufacturer IS 'DICOM Manufacturer.';
COMMENT ON COLUMN instances.manufacturer_model_name IS 'DICOM Manufacturer''s Model Name.';
COMMENT ON COLUMN instances.study_year IS 'Year of the study.';
COMMENT ON COLUMN instances.study_month IS 'Month of the study, 1 to 12.';
COMMENT ON COLUMN instances.days_since_first_study IS 'Days since the patient''s first study in this lake.';
COMMENT ON COLUMN instances.vanished IS 'Whether the file was missing from the archive''s last complete listing.';
