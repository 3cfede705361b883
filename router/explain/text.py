"""One account as text for people: where the request goes first, then what led there.

What holds is shown, and of the rest the nearest few and how many more there are: a configuration
may have hundreds. The JSON form leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.explain.cells import padded, visible

Account = Mapping[str, Any]
Part = tuple[str, str, str]  # of a rule: how it came out, its name, indented, and how sure it is

_KEY = 12
_MARK = 9
_NAME = 28
_MOST_HELD = 20
_MOST_OTHERS = 3
_MOST_PARTS = 30
_SHOWN = (
    "model",
    "adapter",
    "endpoint",
    "placement",
    "category",
    "decision",
    "confidence",
    "reason",
    "why",
    "error",
)
_MARKS: Mapping[bool | None, str] = {True: "holds", False: "no", None: "unknown"}
_JOINTS: Mapping[str, str] = {"all": "all of", "any": "any of", "not": "not"}


def render(account: Account) -> Iterator[str]:
    """The account's lines, without their ends."""
    blocks = (
        [*_outcome(account), *_choice(account["choice"]), *_changes(account)],
        [line for signal in account["signals"] for line in _signal(signal)],
        [*_decisions(account), *_unreached(account["stages"])],
    )
    for number, block in enumerate(block for block in blocks if block):
        if number:
            yield ""
        for line in block:
            yield visible(line).rstrip()


def _outcome(account: Account) -> Iterator[str]:
    for key in _SHOWN:
        if account[key] is not None:
            yield _line(key, str(account[key]))
    if rule := account["rule"]:
        sends = [f"{key} {rule[key]}" for key in ("model", "endpoint") if rule[key]]
        yield _line("rule", ", ".join([rule["name"], *sends]))


def _choice(choice: Mapping[str, Any] | None) -> Iterator[str]:
    if choice is None:
        return
    yield _line("chosen", f"{choice['why']} (strategy: {choice['strategy']})")
    if len(choice["candidates"]) == 1 and not choice["excluded"]:
        return
    for candidate in choice["candidates"]:
        facts = [key for key in ("score", "weight", "price") if candidate[key] is not None]
        notes = [f"{key} {_plain(candidate[key])}" for key in facts]
        if obstacle := choice["excluded"].get(candidate["model"]):
            notes.append(f"excluded: {obstacle}")
        yield _line("", f"{padded(candidate['model'], _NAME)} {', '.join(notes)}")


def _changes(account: Account) -> Iterator[str]:
    if account["reasoning"] is not None:
        effort = account["reasoning_effort"]
        on = f"on, effort {effort}" if effort else "on"
        yield _line("reasoning", on if account["reasoning"] else "off")
    if mode := account["system_prompt"]:
        yield _line("system", f"the decision's prompt, mode {mode}")
    changes = [("sets", account["headers"]["set"]), ("removes", account["headers"]["remove"])]
    if said := [f"{verb} {', '.join(names)}" for verb, names in changes if names]:
        yield _line("headers", "; ".join(said))


def _signal(signal: Account) -> Iterator[str]:
    yield _line("signal", f"{signal['kind']}, {signal['milliseconds']:g} ms")
    if signal["error"]:
        yield _line("", f"failed: {signal['error']}")
    shown, rest = _foremost(sorted(signal["matches"], key=_rank))
    for match in shown:
        notes = [match["model"] or "", _plain(match["detail"])]
        yield _finding("holds" if match["holds"] else "below", match, notes)
    yield from _more(rest)
    yield from _facts(signal["facts"])


def _facts(facts: Mapping[str, object]) -> Iterator[str]:
    """A line for each list, and one for all else."""
    lists = {key: value for key, value in facts.items() if isinstance(value, Mapping | list)}
    for key, value in lists.items():
        yield _line("", f"{key}: {_plain(value)}")
    if others := {key: value for key, value in facts.items() if key not in lists}:
        yield _line("", _plain(others))


def _decisions(account: Account) -> Iterator[str]:
    won = (account["stage"], account["decision"])
    winners = [d for d in account["decisions"] if (d["stage"], d["name"]) == won]
    others = [d for d in account["decisions"] if (d["stage"], d["name"]) != won]
    shown, rest = _foremost([*winners, *sorted(others, key=_rank)])
    key = "decisions"
    for decision in shown:
        mark = "wins" if decision in winners else _MARKS[decision["holds"]]
        parts = list(_parts(decision["rule"], 1))
        yield _finding(mark, decision, _notes(decision, parts), key=key)
        yield from _tree(parts)
        key = ""
    yield from _more(rest)


def _notes(decision: Account, parts: Sequence[Part]) -> list[str]:
    """Where a decision stands, and the signal that it asks about where it is but one."""
    notes = [decision["stage"]]
    if decision["priority"]:
        notes.append(f"priority {decision['priority']}")
    only = parts[0][1].strip() if len(parts) == 1 else ""
    said = (decision["stage"], f"{decision['stage']} {decision['name']}")
    return notes if only in said else [*notes, only]


def _unreached(stages: Sequence[Account]) -> Iterator[str]:
    """The stages that an earlier one made needless."""
    left = [f"{stage['name']} ({stage['decisions']})" for stage in stages if not stage["reached"]]
    if left and len(left) < len(stages):
        yield _line("not asked", ", ".join(left))


def _tree(parts: Sequence[Part]) -> Iterator[str]:
    """The parts of a rule that has several, as far as anybody reads them."""
    if len(parts) == 1:
        return
    for mark, name, confidence in parts[:_MOST_PARTS]:
        yield _line("", f"{padded(mark, _MARK)}{padded(name, _NAME)} {confidence}")
    if len(parts) > _MOST_PARTS:
        yield _line("", f"and {len(parts) - _MOST_PARTS} more conditions")


def _parts(rule: Account, depth: int) -> Iterator[Part]:
    """A rule part by part, groups of one left out."""
    joint, inner = _inside(rule)
    if joint in ("all", "any") and len(inner) == 1:
        yield from _parts(inner[0], depth)
        return
    name = _JOINTS[joint] if joint else rule["is"]
    yield _MARKS[rule["holds"]], "  " * depth + name, _score(rule["confidence"])
    for part in inner:
        yield from _parts(part, depth + 1)


def _inside(rule: Account) -> tuple[str | None, Sequence[Account]]:
    """How a rule joins its parts, and these; None and nothing for a signal, or for a match."""
    joint = next((key for key in _JOINTS if key in rule), None)
    if joint is None:
        return None, ()
    return joint, [rule[joint]] if joint == "not" else rule[joint]


def _foremost(ranked: Sequence[Account]) -> tuple[list[Account], list[Account]]:
    """Those to show, with what holds first, and the rest."""
    held = [one for one in ranked if one["holds"]]
    others = [one for one in ranked if not one["holds"]]
    shown = held[:_MOST_HELD] + others[:_MOST_OTHERS]
    return shown, held[_MOST_HELD:] + others[_MOST_OTHERS:]


def _rank(finding: Account) -> tuple[int, float]:
    """What holds before what is unknown before what does not; the surer first."""
    order = (True, None, False).index(finding["holds"])
    return order, -_nearest(finding.get("rule", finding))


def _nearest(rule: Account) -> float:
    """How sure the surest finding is that a rule asks about."""
    return max([rule["confidence"] or 0.0, *map(_nearest, _inside(rule)[1])])


def _more(rest: Sequence[Account]) -> Iterator[str]:
    held = sum(one["holds"] is True for one in rest)
    if rest:
        yield _line(
            "", f"and {len(rest)} more, {held or 'none'} of which hold{'' if held > 1 else 's'}"
        )


def _finding(mark: str, found: Account, notes: Sequence[str], key: str = "") -> str:
    said = ", ".join(note for note in notes if note)
    name, score = padded(found["name"], _NAME), _score(found["confidence"])
    return _line(key, f"{padded(mark, _MARK)}{name} {score:<6}  {said}")


def _line(key: str, text: str) -> str:
    return padded(key, _KEY) + text


def _score(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.4f}"


def _plain(value: object) -> str:
    """JSON as one says it: `a 1, b 2`."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case Mapping():
            return ", ".join(f"{key} {_nested(inner)}" for key, inner in value.items())
        case list() | tuple():
            return ", ".join(map(_nested, value))
        case _:
            return str(value)


def _nested(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({_plain(value)})"
    if isinstance(value, list | tuple):
        return _nested(value[0]) if len(value) == 1 else f"[{_plain(value)}]"
    return _plain(value)
