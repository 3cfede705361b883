"""The `lora-router` command: serve, check, explain, adapters, envoy, evaluate.

Exit status: 0 done, 1 failed while running, 2 the input (configuration, model, data) is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from router import __version__
from router.errors import ConfigError, ModelFilesError, RouterError

_DEFAULT_CONFIG = Path("config/config.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigError as error:
        return _fail(error.problems, 2)
    except ModelFilesError as error:
        return _fail([str(error)], 2)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RouterError, OSError) as error:
        return _fail([f"lora-router: {error}"], 1)
    except KeyboardInterrupt:
        return 130
    return status


def _fail(lines: Sequence[str], status: int) -> int:
    print("\n".join(lines), file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lora-router",
        description="Send each LLM request to the LoRA adapter that suits its prompt.",
    )
    parser.add_argument("--version", action="version", version=f"lora-router {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_serve, _add_check, _add_explain, _add_adapters, _add_envoy, _add_evaluate):
        add(commands)
    return parser


Commands = Any  # argparse keeps the type of its subparsers private


def _add_serve(commands: Commands) -> None:
    command = commands.add_parser("serve", help="answer Envoy over ext_proc until SIGTERM")
    _add_config(command)
    command.add_argument(
        "--workers", type=_positive, default=1, metavar="N", help="processes (default: 1)"
    )
    command.add_argument(
        "--envoy",
        type=Path,
        metavar="DIR",
        help="keep the clusters in DIR/cds.yaml those of the configuration, also when it changes",
    )
    command.add_argument("--share-ports", action="store_true", help=argparse.SUPPRESS)
    command.set_defaults(run=_serve)


def _add_check(commands: Commands) -> None:
    command = commands.add_parser("check", help="report every error of a configuration at once")
    command.add_argument("config", type=Path, nargs="?", default=_DEFAULT_CONFIG)
    command.set_defaults(run=_check)


def _add_explain(commands: Commands) -> None:
    from router import explain

    command = commands.add_parser("explain", help="show where requests would go, and why")
    _add_config(command)
    explain.add_arguments(command)
    command.set_defaults(run=explain.main)


def _add_adapters(commands: Commands) -> None:
    from router import adapters

    command = commands.add_parser(
        "adapters", help="list, load and unload the adapters of the endpoints"
    )
    _add_config(command)
    adapters.add_arguments(command)
    command.set_defaults(run=adapters.main)


def _add_envoy(commands: Commands) -> None:
    command = commands.add_parser("envoy", help="write Envoy's bootstrap and clusters")
    _add_config(command)
    command.add_argument(
        "-o", "--output", type=Path, default=Path("envoy"), help="directory (default: envoy)"
    )
    command.set_defaults(run=_envoy)


def _add_evaluate(commands: Commands) -> None:
    from router import evaluate

    command = commands.add_parser("evaluate", help="measure a classifier on labelled prompts")
    evaluate.add_arguments(command)
    command.set_defaults(run=evaluate.main)


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-c",
        "--config",
        type=Path,
        default=_DEFAULT_CONFIG,
        help=f"configuration file (default: {_DEFAULT_CONFIG})",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number, found '{text}'")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    if options.workers > 1:
        from router.workers import run_workers

        return run_workers(options.config, options.workers, envoy=options.envoy)
    from router.serve import run

    run(options.config, share_ports=options.share_ports, envoy=options.envoy)
    return 0


def _check(options: argparse.Namespace) -> int:
    from router.config import check

    report = check(options.config)
    print("\n".join(report.lines))
    return 0 if report.ok else 2


def _envoy(options: argparse.Namespace) -> int:
    from router.config import load
    from router.envoy_config import write

    for path in write(load(options.config).config, options.output):
        print(f"wrote {path}")
    return 0
