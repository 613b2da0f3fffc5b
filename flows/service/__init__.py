"""The service: archives harvested by schedule, by Prefect's server and a worker, unattended."""
