"""A running service: Prefect's server and worker as processes, harvests as deployments."""
