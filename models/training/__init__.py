"""Training of the domain model: from labelled rows and a small English encoder to the files that
the router ships.

`python -m models.training --help` names the one command. The rooms, in the order in which a run
walks through them: `data` (rows), `vocabulary` (tokenizer and first embeddings), `network`
(encoder and its two outputs), `teacher` (targets for the sentence vector), `batches` (augmented,
length-bucketed), `fit` (the loop), `graph` and `export` (ONNX, int8, calibration, the small JSON
files).
"""
