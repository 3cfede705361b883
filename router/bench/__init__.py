"""What the router costs: inside its process, and as what it adds to a request through Envoy.

    measure   what a figure is: a value, a limit, a verdict
    inside    signals, decisions, and a request's whole way, without any server
    affinity  a simulation: what it saves to send an adapter's requests where it is loaded
    noop      a processor that does nothing: the floor for any Python ext_proc service
    ground    backend, plain Envoy, Envoy + noop, Envoy + router: the same request through each
    figures   what the router adds, as ratios within one run

Absolute times depend on the machine and on what else it does; the ratios travel.
"""
