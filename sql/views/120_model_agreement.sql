-- Two settings (models, thresholds ...) on the same film and finding.
-- Grain: one row per film, finding and pair of settings, the earlier run's first.
CREATE VIEW model_agreement AS
WITH settings AS (
    SELECT
        config_fingerprint,
        any_value(bundle) AS bundle,
        max(finished_at) AS finished_at
    FROM runs
    WHERE status = 'complete'
    GROUP BY config_fingerprint
),

compared AS (
    SELECT
        earlier.config_fingerprint AS fingerprint,
        later.config_fingerprint AS other_fingerprint,
        earlier.bundle,
        later.bundle AS other_bundle
    FROM settings AS earlier
    INNER JOIN settings AS later
        ON (earlier.finished_at, earlier.config_fingerprint) < (later.finished_at, later.config_fingerprint)
),

pairs AS (
    SELECT
        compared.*,
        one.instance_key,
        one.finding,
        one.probability,
        other.probability AS other_probability,
        one.gated,
        other.gated AS other_gated
    FROM compared
    INNER JOIN predictions AS one ON compared.fingerprint = one.config_fingerprint
    INNER JOIN predictions AS other
        ON
            compared.other_fingerprint = other.config_fingerprint
            AND one.instance_key = other.instance_key
            AND one.finding = other.finding
),

boxed AS (
    SELECT
        pairs.*,
        (box.x_max - box.x_min) * (box.y_max - box.y_min)
        + (other_box.x_max - other_box.x_min) * (other_box.y_max - other_box.y_min) AS both_areas,
        greatest(least(box.x_max, other_box.x_max) - greatest(box.x_min, other_box.x_min), 0)
        * greatest(least(box.y_max, other_box.y_max) - greatest(box.y_min, other_box.y_min), 0) AS common_area
    FROM pairs
    LEFT JOIN boxes AS box
        ON
            pairs.fingerprint = box.config_fingerprint
            AND pairs.instance_key = box.instance_key
            AND pairs.finding = box.finding
            AND box.rank = 1
    LEFT JOIN boxes AS other_box
        ON
            pairs.other_fingerprint = other_box.config_fingerprint
            AND pairs.instance_key = other_box.instance_key
            AND pairs.finding = other_box.finding
            AND other_box.rank = 1
)

SELECT
    * EXCLUDE (both_areas, common_area),
    common_area / (both_areas - common_area) AS iou_of_first_boxes
FROM boxed;

COMMENT ON COLUMN model_agreement.fingerprint IS 'Settings of the earlier run.';
COMMENT ON COLUMN model_agreement.other_fingerprint IS 'Settings of the later run.';
COMMENT ON COLUMN model_agreement.other_bundle IS 'Its model bundle.';
COMMENT ON COLUMN model_agreement.other_probability IS 'Its probability, 0 to 1.';
COMMENT ON COLUMN model_agreement.other_gated IS 'Whether it boxed the finding.';
COMMENT ON COLUMN model_agreement.iou_of_first_boxes IS 'Intersection over union of the two first boxes; null where one is missing.';
