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

predicted AS (
    SELECT
        predictions.*,
        settings.bundle,
        settings.finished_at,
        boxes.x_min,
        boxes.y_min,
        boxes.x_max,
        boxes.y_max,
        (boxes.x_max - boxes.x_min) * (boxes.y_max - boxes.y_min) AS area
    FROM predictions
    INNER JOIN settings ON predictions.config_fingerprint = settings.config_fingerprint
    LEFT JOIN boxes
        ON
            predictions.config_fingerprint = boxes.config_fingerprint
            AND predictions.instance_key = boxes.instance_key
            AND predictions.finding = boxes.finding
            AND boxes.rank = 1
    WHERE (SELECT count(DISTINCT runs.config_fingerprint) FROM runs WHERE runs.status = 'complete') > 1
),

pairs AS (
    SELECT
        one.instance_key,
        one.finding,
        one.config_fingerprint AS fingerprint,
        other.config_fingerprint AS other_fingerprint,
        one.bundle,
        other.bundle AS other_bundle,
        one.probability,
        other.probability AS other_probability,
        one.gated,
        other.gated AS other_gated,
        one.area + other.area AS both_areas,
        greatest(least(one.x_max, other.x_max) - greatest(one.x_min, other.x_min), 0)
        * greatest(least(one.y_max, other.y_max) - greatest(one.y_min, other.y_min), 0) AS common_area
    FROM predicted AS one
    INNER JOIN predicted AS other
        ON
            one.instance_key = other.instance_key
            AND one.finding = other.finding
            AND (one.finished_at, one.config_fingerprint) < (other.finished_at, other.config_fingerprint)
)

SELECT
    * EXCLUDE (both_areas, common_area),
    common_area / (both_areas - common_area) AS iou_of_first_boxes
FROM pairs;

COMMENT ON COLUMN model_agreement.fingerprint IS 'Settings of the earlier run.';
COMMENT ON COLUMN model_agreement.other_fingerprint IS 'Settings of the later run.';
COMMENT ON COLUMN model_agreement.other_bundle IS 'Its model bundle.';
COMMENT ON COLUMN model_agreement.other_probability IS 'Its probability, 0 to 1.';
COMMENT ON COLUMN model_agreement.other_gated IS 'Whether it boxed the finding.';
COMMENT ON COLUMN model_agreement.iou_of_first_boxes IS 'Intersection over union of the two first boxes; null where one is missing.';
