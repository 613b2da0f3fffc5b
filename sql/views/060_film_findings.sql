-- What every question about findings needs, and no more, as film_boxes. Stored when the snapshot is made.
-- The rows lie as those of predictions, by film and finding: the joins keep that order, and sorting would cost more.
-- Grain: one row per film and finding of the current settings.
CREATE TABLE film_findings AS
WITH boxed AS (
    SELECT
        film,
        finding,
        max(area_cm2) AS area_cm2,
        max(area_share) AS area_share,
        max(share_in_lungs) FILTER (WHERE rank = 1) AS share_in_lungs
    FROM film_boxes
    GROUP BY film, finding
),

predicted AS (
    SELECT
        films.film,
        predictions.finding,
        predictions.probability,
        predictions.gate,
        predictions.probability >= predictions.gate AS seen,
        predictions.labeled,
        predictions.gated,
        predictions.n_boxes,
        films.view_position,
        films.sex,
        films.age_years,
        films.manufacturer,
        films.manufacturer_model_name,
        films.study_year,
        films.study_month
    FROM predictions
    INNER JOIN films
        ON
            predictions.instance_key = films.instance_key
            AND predictions.config_fingerprint = films.config_fingerprint
)

SELECT
    predicted.*,
    boxed.area_cm2,
    boxed.area_share,
    boxed.share_in_lungs
FROM predicted
LEFT JOIN boxed ON predicted.film = boxed.film AND predicted.finding = boxed.finding;

COMMENT ON TABLE film_findings IS 'What films show: one row per film and finding of the current settings.';
COMMENT ON COLUMN film_findings.film IS 'films.film.';
COMMENT ON COLUMN film_findings.seen IS 'Whether the probability reaches the operating point.';
COMMENT ON COLUMN film_findings.area_cm2 IS 'Of the largest box, square centimetres; null without box or spacing.';
COMMENT ON COLUMN film_findings.area_share IS 'Of the largest box, share of the film; null without box.';
COMMENT ON COLUMN film_findings.share_in_lungs IS 'Of the first box: share of its area in lung_fields; null without box.';
