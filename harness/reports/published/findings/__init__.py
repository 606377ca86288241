"""What the published runs found, as strong as their rows say: text by name of experiment, or ""."""
