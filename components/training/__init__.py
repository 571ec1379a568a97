"""Fine-tuning: the loop, the step, the optimiser, and what is kept of it."""
