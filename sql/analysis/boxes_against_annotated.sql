-- Question: How well do harvested boxes lie on those that people drew?
-- Grain: one row per import of annotated boxes and finding
-- Parameters: iou (number, default 0.25): intersection over union at which an annotated box counts as found;
--     rank (integer, default 3): harvested boxes of a film and finding that are considered, the best first
-- Reads: annotated_boxes, films, boxes
WITH compared AS (
    SELECT
        annotated.*,
        (annotated.x_max - annotated.x_min) * (annotated.y_max - annotated.y_min)
        + (boxes.x_max - boxes.x_min) * (boxes.y_max - boxes.y_min) AS both_areas,
        greatest(least(annotated.x_max, boxes.x_max) - greatest(annotated.x_min, boxes.x_min), 0)
        * greatest(least(annotated.y_max, boxes.y_max) - greatest(annotated.y_min, boxes.y_min), 0) AS common_area
    FROM annotated_boxes AS annotated
    INNER JOIN films ON annotated.instance_key = films.instance_key
    LEFT JOIN boxes
        ON
            films.instance_key = boxes.instance_key
            AND films.config_fingerprint = boxes.config_fingerprint
            AND annotated.finding = boxes.finding
            AND boxes.rank <= $rank
),

best AS (
    SELECT
        annotation_set,
        finding,
        instance_key,
        max(common_area / (both_areas - common_area)) AS iou
    FROM compared
    GROUP BY annotation_set, finding, instance_key, x_min, y_min, x_max, y_max
)

SELECT
    annotation_set,
    finding,
    count(*) AS annotated_boxes,
    count(DISTINCT instance_key) AS films,
    count(iou) AS with_harvested_box,
    round(avg(coalesce(iou, 0)), 3) AS mean_iou,
    round(avg((coalesce(iou, 0) >= $iou)::INTEGER), 3) AS share_found
FROM best
GROUP BY annotation_set, finding
ORDER BY annotation_set, finding;
