-- Invariant: A box lies inside its stored image.
SELECT
    boxes.instance_key,
    boxes.finding,
    boxes.rank
FROM boxes
INNER JOIN instances AS films
    ON
        boxes.instance_key = films.instance_key
        AND boxes.config_fingerprint = films.config_fingerprint
WHERE boxes.x_max > films.columns OR boxes.y_max > films.rows;
