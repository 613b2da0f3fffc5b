-- Question: Which model and settings does each film stand under, and are all films in the current answers?
-- Grain: one row per settings
-- Parameters: none
-- Reads: film_settings, current_fingerprint
SELECT
    film_settings.config_fingerprint,
    film_settings.bundle,
    count(*) AS films,
    count(*) FILTER (WHERE film_settings.state = 'rejected') AS of_these_rejected,
    count(current_fingerprint.config_fingerprint) = count(*) AS in_current_answers
FROM film_settings
LEFT JOIN current_fingerprint ON film_settings.config_fingerprint = current_fingerprint.config_fingerprint
GROUP BY film_settings.config_fingerprint, film_settings.bundle
ORDER BY films DESC, film_settings.config_fingerprint;
