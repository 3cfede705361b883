"""What the router adds to a request, measured as ratios within one run.

    noop      a processor that does nothing: the floor for any Python ext_proc service
    ground    backend, plain Envoy, Envoy + noop, Envoy + router: the same request through each
    figures   the questions, each answered with a figure, a limit and a verdict

Absolute times depend on the machine and on what else it does; the ratios travel.
"""
