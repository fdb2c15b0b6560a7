"""Writes the MLflow samples with MLflow itself: three steps of a run that counts its FLOP and tokens."""
import sys
out = sys.argv[1]
import mlflow
def log():
    with mlflow.start_run(run_name="tiny-gpt2"):
        mlflow.log_params({"n_parameters": 100096, "model": "gpt2-tiny"})
        for step in range(1, 4):
            mlflow.log_metrics({"total_flos": step * 6149898240.0, "num_input_tokens_seen": step * 10240, "loss": 6.1 / step}, step=step * 10)
mlflow.set_tracking_uri(f"sqlite:///{out}/mlflow.db")
mlflow.create_experiment("tiny", artifact_location="mlflow-artifacts")
mlflow.set_experiment("tiny"); log()
mlflow.set_tracking_uri(f"file:{out}/mlruns")
mlflow.create_experiment("tiny", artifact_location="mlflow-artifacts")
mlflow.set_experiment("tiny"); log()
