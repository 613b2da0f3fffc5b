-- Invariant: Every instance was harvested by a recorded run.
SELECT
    films.instance_key,
    films.run_id
FROM instances AS films
ANTI JOIN runs ON films.run_id = runs.run_id;
