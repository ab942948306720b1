"""What a reader sees: one document model, and the renderings of it.

Light: imports neither torch nor transformers nor datasets nor ray.
"""
