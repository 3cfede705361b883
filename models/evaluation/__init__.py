"""Every figure of the model card, recomputed from the shipped files: `python -m models.evaluation
--help`.
"""
