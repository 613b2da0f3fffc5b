-- Invariant: The states of a run add up to its instances.
SELECT
    run_id,
    instances,
    localized,
    no_finding,
    rejected
FROM runs
WHERE status = 'complete' AND instances != localized + no_finding + rejected;
