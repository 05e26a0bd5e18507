"""The caches that evaluate, datasets and huggingface_hub share between processes: where, and what is left there."""
