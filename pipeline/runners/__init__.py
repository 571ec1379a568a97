"""What executes the DAG: this machine, a scheduler's steps, Airflow, Kubeflow."""
